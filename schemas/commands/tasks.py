"""`create_crm_task`: a task linked to the prospect and its lead."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.commands.leads import UserReference
from schemas.contract import Duration, Input
from schemas.field_catalogue import FieldName


class DueIn(Input):
    """That long after the interaction."""

    in_: Duration = Field(alias="in")


class DueBusinessDays(Input):
    """That many working days after the interaction; weekends roll forward."""

    business_days: Annotated[int, Field(ge=0, le=366)]


class DueAt(Input):
    """A fixed instant."""

    at: Annotated[datetime, AwareDatetime] = Field(strict=False)


class DueField(Input):
    """A date of the prospect, moved."""

    field: FieldName
    offset: Duration = "P0D"


class CreateCrmTaskParams(Input):
    """`dedupe_key`: an open task with the same key is left as it is."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    body: Annotated[str, StringConstraints(max_length=4000)] | None = None
    due: DueIn | DueBusinessDays | DueAt | DueField
    hour: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "09:00"
    zone: Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+\-/]+$")] = "UTC"
    assignee: Literal["owner"] | UserReference = "owner"
    fallback: UserReference | None = None
    priority: Literal["normal", "low", "high"] = "normal"
    dedupe_key: Annotated[str, StringConstraints(max_length=200)] | None = None
