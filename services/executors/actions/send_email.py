"""`send_email`: a template, rendered for the prospect and sent, if the prospect may be written to now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from core.consent import refused
from core.templates import TemplateError
from core.tokens import TokenKey
from core.tracked_mail import Rendered, Tracking, rendered
from schemas.commands.command import Command
from schemas.commands.email import SendEmailParams
from services.chassis.errors import PermanentError
from services.executors.core.restraint import Restraint
from services.executors.executor import RemoteAction
from services.executors.ports import Later, Outcome, Situation

DESTINATION: Final = "mail"


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
    of_list = (prospect["lists"] or {}).get(params.get("list"))
    if refused("marketing" if marketing else "transactional", prospect["consent"], of_list):
        return Outcome("suppressed", "consent")
    if not marketing:
        return None
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
