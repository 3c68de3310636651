"""What webhooks and functions are given unless their action says otherwise."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.commands.command import Command

TYPE: Final = "finish_action.fired"
PUSHED_TYPES: Final[Mapping[str, str]] = {"task": "crm_task.created", "lead": "lead.saved"}


def envelope(command: Command, prospect: Mapping[str, Any]) -> dict[str, Any]:
    """Return the standard envelope: the command, the interaction that caused it, and the record as it is.

    `prospect` holds `id` and a snapshot's values. The timestamp is the interaction's: the envelope of a command is always the
    same.
    """
    return {
        "type": TYPE,
        "timestamp": _instant(command),
        "data": {
            "command_id": str(command.id),
            "action": {"id": command.action_id, "name": command.action_name},
            "interaction": command.interaction or {},
            "prospect": _record(prospect),
        },
    }


def pushed_envelope(command: Command, prospect: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a CRM is told of a task or lead: the record under its kind, whose id is the CRM's external id, and the prospect."""
    kind, record = command.params["kind"], command.params["record"]
    return {
        "type": PUSHED_TYPES[kind],
        "timestamp": _instant(command),
        "data": {"external_id": record["id"], kind: record, "prospect": _record(prospect)},
    }


def _instant(command: Command) -> str:
    return command.recordedtime.isoformat().replace("+00:00", "Z")


def _record(prospect: Mapping[str, Any]) -> dict[str, Any]:
    lists: Mapping[str, str] = prospect.get("lists") or {}
    return {**prospect, "lists": [{"id": list_id, "status": status} for list_id, status in lists.items()]}
