"""Dry runs: what an interaction would set off now, by the list as it is saved or by actions that are not saved yet."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from schemas.action_lists import ACTIONS_MAX, Action
from schemas.contract import Input
from schemas.interactions import EventData, EventText
from services.console.bodies.interactions import ExplainedDecision

DRY_SOURCE = "/dry-run"


class DryRun(Input):
    """An interaction that does not happen. For a trigger of the asset `prospect`, `data` is a change of the record in the
    form of `PATCH /api/prospects/{id}`. `at` is when it would be accepted, now if absent."""

    type: Annotated[str, Field(max_length=64)]
    prospect_id: UUID
    data: EventData = Field(default_factory=EventData)
    at: AwareDatetime | None = None
    source: EventText = DRY_SOURCE
    actions: Annotated[tuple[Action, ...], Field(max_length=ACTIONS_MAX)] | None = None
    """Judged instead of the saved list, as the version that a save of them would make."""


class DryCommand(BaseModel):
    """A command that would go out, its parameters as they are resolved."""

    id: UUID
    action_id: str
    type: str
    params: dict[str, Any]
    not_before: datetime | None = None


class DryDecision(BaseModel):
    """What would be concluded for one interaction. Ids are made up: a pool may choose another user for a real one."""

    uid: UUID
    type: str
    asset_id: str
    depth: int
    caused_by: UUID | None
    decision: ExplainedDecision
    commands: list[DryCommand]


class DryRunAnswer(DryDecision):
    """The interaction's decision, and those of all that it would set off. Nothing is carried out, sent, stored or counted."""

    prospect_version: int
    """Of the record that was judged, as the database has it: effects that are commanded and not in it yet are not seen, and
    neither spam nor frequencies count what went before."""
    derived: list[DryDecision]
