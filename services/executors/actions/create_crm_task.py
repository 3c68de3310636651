"""`create_crm_task`: a task of a user's about the prospect; one with the same key that is open is enough."""

from collections.abc import Mapping
from typing import Any, Final

from core.due import due
from core.templates import TemplateError, render
from schemas.commands.tasks import CreateCrmTaskParams
from services.chassis.errors import PermanentError
from services.executors.executor import IN_APP, LocalAction
from services.executors.ports import Situation

_TITLE_MAX: Final = 200
_BODY_MAX: Final = 20_000
_KEY_MAX: Final = 200


def check(params: Mapping[str, Any]) -> None:
    """Refuse parameters that can never be carried out."""
    CreateCrmTaskParams.model_validate(params)


def prepare(params: Mapping[str, Any], situation: Situation) -> dict[str, Any]:
    """Return the task as its statement takes it. Raises PermanentError where the record has no date to count from."""
    at = due(params, situation.recordedtime, situation.prospect["fields"])
    if at is None:
        raise PermanentError("the record has no date in the field that the task is due by")
    try:
        return {
            "title": render(params["title"], situation.scopes)[:_TITLE_MAX],
            "body": _rendered(params.get("body"), situation, _BODY_MAX),
            "due_at": at.isoformat(),
            "assignee": _user(params.get("assignee")) or situation.prospect["owner"],
            "fallback": _user(params.get("fallback")),
            "priority": params.get("priority", "normal"),
            "dedupe_key": _rendered(params.get("dedupe_key"), situation, _KEY_MAX) or None,
        }
    except TemplateError as exc:
        raise PermanentError(str(exc)) from None


def _rendered(text: str | None, situation: Situation, max_length: int) -> str | None:
    return None if text is None else render(text, situation.scopes)[:max_length]


def _user(reference: Any) -> str | None:
    return reference["user"] if isinstance(reference, Mapping) else None


ACTION: Final = LocalAction("create_crm_task", lambda _: IN_APP, check, prepare)
