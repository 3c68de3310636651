"""What the model says must be there: the record, every interaction of its timeline, every command with its end."""

from dataclasses import dataclass, field

from tests.chaos.model.log import Record


@dataclass(frozen=True, slots=True)
class ExpectedCommand:
    """One action to be carried out once. `state` is None for outside actions: the record does not tell how they end."""

    id: str
    action_id: str
    type: str
    state: str | None


@dataclass(frozen=True, slots=True)
class ExpectedInteraction:
    """What is concluded for one interaction. `reason` discards all of it; `not_fired` says why not, by action."""

    uid: str
    type: str
    asset_id: str
    version: int
    depth: int
    reason: str | None = None
    commands: tuple[ExpectedCommand, ...] = ()
    not_fired: dict[str, str] = field(default_factory=dict)
    derived: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """One prospect's story. `duplicates` counts the entries of the log that were a repeat."""

    record: Record
    interactions: tuple[ExpectedInteraction, ...]
    duplicates: int
