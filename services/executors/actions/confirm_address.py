"""`confirm_address`: a mail with the address that confirms a held submission, if it is still held."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from core.tokens import Token, TokenKey, issue
from core.tracked_mail import Rendered
from schemas.commands.command import Command
from schemas.commands.confirmation import CONFIRM_ADDRESS, ConfirmAddressParams
from services.executors.executor import RemoteAction
from services.executors.ports import Outcome, Situation

_DESTINATION: Final = "mail"
_SUBJECT: Final = "Please confirm your address"
_MESSAGE: Final = "Somebody, we hope you, gave us this address. If it was you, please confirm it."
_OTHERWISE: Final = "If it was not you, you need do nothing, and we do not write again."
_HTML: Final = """<!doctype html>
<html><body><p>{message}</p><p><a href="{url}">Confirm</a></p><p>{otherwise}</p></body></html>
"""


def check(params: Mapping[str, Any]) -> None:
    """Refuse parameters that can never be carried out."""
    ConfirmAddressParams.model_validate(params)


def refuse(situation: Situation) -> Outcome | None:
    """Say whether nothing waits for it any more."""
    return None if situation.details["submission"] else Outcome("suppressed", "no_recipient")


def compose(command: Command, situation: Situation, public_url: str, keys: tuple[TokenKey, ...]) -> Rendered:
    """Return what the mail says: the form's words or ours, and one address."""
    form = situation.details["submission"]
    token = issue(Token("confirm", form["form_id"], command.params["submission"]), keys)
    url, message = f"{public_url}/confirm/{token}", form["message"] or _MESSAGE
    return Rendered(
        unsubscribe_url="",
        subject=form["subject"] or _SUBJECT,
        text=f"{message}\n\n{url}\n\n{_OTHERWISE}\n",
        html=_HTML.format(message=escape(message), url=escape(url), otherwise=_OTHERWISE),
    )


ACTION: Final = RemoteAction(CONFIRM_ADDRESS, lambda _: _DESTINATION, check)
