"""`send_email`: a template, rendered for the prospect and sent, if the prospect may be written to now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from core.templates import TemplateError
from core.tokens import TokenKey
from schemas.commands.command import Command
from schemas.commands.email import SendEmailParams
from services.chassis.errors import PermanentError
from services.executors.core.restraint import Restraint
from services.executors.core.tracked_mail import Rendered, Tracking, rendered
from services.executors.executor import RemoteAction
from services.executors.ports import Later, Outcome, Situation

DESTINATION: Final = "mail"
_NEVER: Final = {
    "marketing": frozenset({"unsubscribed", "bounced", "complained"}),
    "transactional": frozenset({"bounced"}),
}
"""The consent with which a mail of each class is not sent: what a contract or the law asks for goes to who wants no marketing,
but nowhere that takes no mail."""


def check(params: Mapping[str, Any]) -> None:
    """Refuse parameters that can never be carried out."""
    SendEmailParams.model_validate(params)


def is_marketing(params: Mapping[str, Any]) -> bool:
    """Say whether the mail needs consent."""
    return bool(params.get("class", "marketing") == "marketing")


def refuse(
    params: Mapping[str, Any], situation: Situation, now: datetime, restraint: Restraint
) -> Outcome | Later | None:
    """Say whether the prospect must not be written to, or not yet: see `ports.Remote.refuse`."""
    prospect, marketing = situation.prospect, is_marketing(params)
    if not prospect["email"]:
        return Outcome("suppressed", "no_recipient")
    if prospect["consent"] in _NEVER["marketing" if marketing else "transactional"]:
        return Outcome("suppressed", "consent")
    if not marketing:
        return None
    if params.get("list") and (prospect["lists"] or {}).get(params["list"]) == "unsubscribed":
        return Outcome("suppressed", "consent")
    until = restraint.until(now, situation.details)
    return None if until is None else Later(until)


def compose(command: Command, situation: Situation, public_url: str, keys: tuple[TokenKey, ...]) -> Rendered:
    """Return what the mail says. Raises PermanentError without a template, or for one that cannot be rendered."""
    params, template = command.params, situation.details["template"]
    if template is None:
        raise PermanentError("the template does not exist")
    tracking = Tracking(
        public_url=public_url,
        keys=keys,
        asset_id=template["id"],
        prospect_id=str(command.prospect_id),
        command_id=str(command.id),
        list_id=params.get("list") or "",
    )
    try:
        return rendered(template, situation.scopes, tracking, marketing=is_marketing(params))
    except TemplateError as exc:
        raise PermanentError(str(exc)) from None


ACTION: Final = RemoteAction("send_email", lambda _: DESTINATION, check)
