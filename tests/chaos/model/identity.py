"""The ids that are computed, by the standard library's UUIDv5 (RFC 9562 §5.5)."""

from uuid import NAMESPACE_URL, UUID, uuid5


def interaction_uid(source: str, event_id: str) -> str:
    """Identify what one source calls `event_id`."""
    return str(uuid5(uuid5(NAMESPACE_URL, source), event_id))


def command_id(uid: str, action_id: str) -> str:
    """Identify one action for one interaction, whatever the version of the list."""
    return str(uuid5(UUID(uid), action_id))


def cascade_uid(command: str, trigger: str) -> str:
    """Identify the interaction that a command's change of the record raises."""
    return str(uuid5(UUID(command), trigger))


def change_uid(prospect_id: str, version: int, trigger: str) -> str:
    """Identify the interaction that another writer's change of the record raises."""
    return str(uuid5(UUID(prospect_id), f"{version}/{trigger}"))


def lead_id(prospect_id: str) -> str:
    """Identify the one lead of a prospect."""
    return str(uuid5(UUID(prospect_id), "lead"))
