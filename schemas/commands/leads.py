"""`convert_to_lead`: the prospect stays; converting twice gives the same lead."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from schemas.contract import Contract, Id, Input


class UserReference(Input):
    """A fixed user."""

    user: Id


class ConvertToLeadParams(Input):
    """`owner` is the lead's; `on_existing` says what happens to a prospect that is a lead already."""

    status: Annotated[str, StringConstraints(min_length=1, max_length=50)] = "new"
    owner: Literal["prospect_owner"] | UserReference = "prospect_owner"
    source: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    on_existing: Literal["link", "update", "skip", "fail"] = "link"


class ConvertToLeadEffect(Contract):
    """What the command carries: the lead's id is computed from the prospect's."""

    lead_id: UUID
    status: str
    owner: str | None
    source: str | None
    on_existing: Literal["link", "update", "skip", "fail"]
