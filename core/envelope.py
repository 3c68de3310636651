"""What webhooks and functions are given unless their action says otherwise."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.commands.command import Command

TYPE: Final = "finish_action.fired"


def envelope(command: Command, prospect: Mapping[str, Any]) -> dict[str, Any]:
    """Return the standard envelope: the command, the interaction that caused it, and the record as it is.

    `prospect` holds `id` and a snapshot's values. The timestamp is the interaction's: the envelope of a command is always the
    same.
    """
    lists: Mapping[str, str] = prospect.get("lists") or {}
    return {
        "type": TYPE,
        "timestamp": command.recordedtime.isoformat().replace("+00:00", "Z"),
        "data": {
            "command_id": str(command.id),
            "action": {"id": command.action_id, "name": command.action_name},
            "interaction": command.interaction or {},
            "prospect": {
                **prospect,
                "lists": [{"id": list_id, "status": status} for list_id, status in lists.items()],
            },
        },
    }
