"""Prospects as the API shows them: lists as a list of memberships, fields of the catalogue by name."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from schemas.addresses import TrimmedAddress
from schemas.commands.score import Score
from schemas.commands.tags import Tag
from schemas.contract import Id, Input
from schemas.field_catalogue import TAGS_MAX, FieldName
from schemas.snapshots import Consent, MembershipStatus

LISTS_MAX = 1000


class Membership(Input):
    """How the prospect stands to one list."""

    id: Id
    status: MembershipStatus = "subscribed"


Tags = Annotated[tuple[Tag, ...], Field(max_length=TAGS_MAX)]
Memberships = Annotated[tuple[Id | Membership, ...], Field(max_length=LISTS_MAX)]
Fields = Annotated[dict[FieldName, Any], Field(max_length=1000)]


class NewProspect(Input):
    """A prospect to create. A bare list id is a subscribed membership."""

    email: TrimmedAddress | None = None
    score: Score = 0
    owner: Id | None = None
    tags: Tags = ()
    lists: Memberships = ()
    fields: Fields = Field(default_factory=dict)


class ProspectChanges(Input):
    """What to change: fields are merged (null clears one), tags and lists replaced, what is absent stays."""

    email: TrimmedAddress | None = None
    score: Score = 0
    owner: Id | None = None
    tags: Tags = ()
    lists: Memberships = ()
    fields: Fields = Field(default_factory=dict)


class Prospect(BaseModel):
    """The record at one version."""

    id: UUID
    version: int
    email: str | None
    score: int
    owner: str | None
    tags: list[str]
    lists: list[Membership]
    consent: Consent
    lead_id: UUID | None
    fields: dict[str, Any]
