"""Prospects brought in by the hundreds."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from schemas.contract import Input
from schemas.interactions import EventText
from services.chassis.problems import FieldError
from services.console.bodies.prospects import ProspectChanges

ROWS_MAX = 1000


class ImportedProspect(ProspectChanges):
    """One prospect, known by its id in another system or else by its address; what is absent of a known one stays."""

    external_id: EventText | None = None


class Import(Input):
    """Prospects to bring in. With `fire` their changes raise triggers as other changes do; without, nobody is told."""

    prospects: Annotated[list[ImportedProspect], Field(min_length=1, max_length=ROWS_MAX)]
    on_existing: Literal["update", "skip"] = "update"
    fire: bool = False


class ImportResult(BaseModel):
    """What became of one prospect. `errors` point into the body."""

    outcome: Literal["created", "updated", "unchanged", "skipped", "refused"]
    id: UUID | None = None
    errors: list[FieldError] = []


class Imported(BaseModel):
    """What became of all, in their order; those that were refused kept no other one out."""

    results: list[ImportResult]
