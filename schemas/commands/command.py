"""Commands: one action to carry out for one prospect, as the evaluator emits them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from schemas.contract import SCHEMA_VERSION, Contract


class Command(Contract):
    """A record of `finish.commands.<executor>.v1`, keyed by prospect.

    `order` grows along the prospect's log: epoch (7 bits), offset (42), running number in the step (14). `after` names the
    record commands that must have ended before an outside action starts, and whether a dead one holds it. `interaction`
    goes with outside actions only.
    """

    schema_: Literal[1] = Field(default=SCHEMA_VERSION, alias="schema")
    id: UUID
    uid: UUID
    action_id: str
    action_name: str
    asset_id: str
    version: int
    prospect_id: UUID
    type: str
    params: dict[str, Any]
    order: int = Field(ge=0, lt=2**63)
    after: dict[UUID, Literal["hold", "continue"]] = Field(default_factory=dict)
    not_before: datetime | None = None
    depth: int = 0
    recordedtime: datetime
    interaction: dict[str, Any] | None = None
