"""What became of an interaction: why each action fired or not, its commands, and how they ended."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer

from schemas.outcomes import CommandState, InteractionStatus, NotFired


class Condition(BaseModel):
    """One rule of an action's criteria, with the value it saw (null: missing). `before` only where it compares with that."""

    field: str
    operator: str
    expected: Any
    seen: Any
    before: Any = None
    result: bool

    @model_serializer(mode="wrap")
    def _as_judged(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        shown: dict[str, Any] = serialize(self)
        if "before" not in self.model_fields_set:
            del shown["before"]
        return shown


class JudgedAction(BaseModel):
    """An action of the version that decided. `reason` says why it did not fire."""

    id: str
    name: str
    fired: bool
    reason: NotFired | None = None
    conditions: list[Condition]


class ExplainedDecision(BaseModel):
    """What was concluded. `reason` discards the whole sequence. Of an erased prospect there are no conditions any more."""

    version: int
    reason: NotFired | None
    actions: list[JudgedAction]

    def without_conditions(self) -> "ExplainedDecision":
        """Return the same without what the criteria saw."""
        return self.model_copy(
            update={"actions": [action.model_copy(update={"conditions": []}) for action in self.actions]}
        )


class Outcome(BaseModel):
    """How a command stands. `waiting`: no executor has taken it yet."""

    state: CommandState = "waiting"
    reason: str | None = None
    attempts: int = 0
    next_at: datetime | None = None
    error: str | None = None


class CommandAccount(BaseModel):
    """One fired action."""

    id: UUID
    action_id: str
    type: str
    outcome: Outcome


class _Account(BaseModel):
    uid: UUID
    status: InteractionStatus
    type: str | None
    asset_id: str | None
    prospect_id: str | None
    time: datetime | None
    """When it happened by the source's clock; null until it is decided."""
    recordedtime: datetime | None
    depth: int
    caused_by: UUID | None
    derived: list[UUID]
    commands: list[CommandAccount]


class InteractionAccount(_Account):
    """The whole story of one interaction."""

    decision: ExplainedDecision | None


class DecisionSummary(BaseModel):
    """Which actions fired."""

    version: int
    reason: NotFired | None
    fired: list[str]


class TimelineEntry(_Account):
    """One interaction of a prospect's timeline."""

    decision: DecisionSummary | None
