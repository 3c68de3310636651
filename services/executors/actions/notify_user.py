"""`notify_user`: tells a user, the prospect's owner or a team; in-app, each of them once, or by e-mail.

With a digest, e-mail is gathered in the workspace, and a command `mail_digest` mails it when the digest is over.
"""

from collections.abc import Mapping
from typing import Any, Final

from core.templates import TemplateError, render
from schemas.commands.notify import NotifyUserParams
from schemas.contract import duration_s
from services.chassis.errors import PermanentError
from services.executors.executor import IN_APP, LocalAction
from services.executors.ports import Situation

_SUBJECT_MAX: Final = 200
_TEXT_MAX: Final = 20_000


def check(params: Mapping[str, Any]) -> None:
    """Refuse parameters that can never be carried out."""
    NotifyUserParams.model_validate(params)


def prepare(params: Mapping[str, Any], situation: Situation) -> dict[str, Any]:
    """Return the notice and whom to tell, as its statement takes them."""
    to, fallback = params["to"], params.get("fallback")
    try:
        return {
            "subject": None
            if params.get("subject") is None
            else render(params["subject"], situation.scopes)[:_SUBJECT_MAX],
            "text": render(params["text"], situation.scopes)[:_TEXT_MAX],
            "user": situation.prospect["owner"] if to == "owner" else to.get("user"),
            "team": None if to == "owner" else to.get("team"),
            "channel": _channel(params),
            "asked": {name: params.get(name) for name in ("to", "fallback")},
            "fallback": None if fallback is None else fallback["user"],
            "digest": None if params.get("digest") is None else duration_s(params["digest"]),
        }
    except TemplateError as exc:
        raise PermanentError(str(exc)) from None


def _channel(params: Mapping[str, Any]) -> str:
    return str(params.get("channel", IN_APP))


def _destination(params: Mapping[str, Any]) -> str:
    return _channel(params) if params.get("digest") is None else IN_APP


ACTION: Final = LocalAction("notify_user", _destination, check, prepare)
