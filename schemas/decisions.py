"""Decisions, compact: what cannot be recomputed from the list's version, so that history stays small and explains all."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from schemas.contract import SCHEMA_VERSION, Contract
from schemas.outcomes import NotFired


class Decision(Contract):
    """A record of `finish.decisions.v1`: what the evaluator concluded for one interaction.

    `fired` holds the positions in the list of the actions that fired. `reads` are the values that the criteria saw, by
    their path (absent: missing). `reason` discards the whole sequence; `reasons` (by position) stand only where list and
    reads do not tell: frequency, and loop when the budget of commands ran out.
    """

    schema_: Literal[1] = Field(default=SCHEMA_VERSION, alias="schema")
    step_version: int
    uid: UUID
    prospect_id: str
    type: str
    asset_id: str
    version: int
    id: str
    source: str
    time: datetime
    recordedtime: datetime
    order: int
    depth: int = 0
    caused_by: UUID | None = None
    derived: tuple[UUID, ...] = ()
    fired: tuple[int, ...] = ()
    reads: dict[str, Any] = Field(default_factory=dict)
    reason: NotFired | None = None
    reasons: dict[int, NotFired] = Field(default_factory=dict)
