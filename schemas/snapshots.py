"""Snapshots: a prospect's values at one version, in the same topic and under the same key as the interactions."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import Field

from schemas.contract import Contract

DATASCHEMA: Final = "urn:finish:snapshot:1"
TYPE: Final = "prospect.snapshot"

MembershipStatus = Literal["subscribed", "pending", "unsubscribed"]
Consent = Literal["none", "granted", "unsubscribed", "bounced", "complained"]


class Values(Contract):
    """What criteria read as `original.*`. `lists` maps a list id to the membership's status."""

    email: str | None = None
    score: int = 0
    owner: str | None = None
    tags: list[str] = Field(default_factory=list)
    lists: dict[str, MembershipStatus] = Field(default_factory=dict)
    consent: Consent = "none"
    lead_id: UUID | None = None
    fields: dict[str, Any] = Field(default_factory=dict)


class Change(Contract):
    """Present when another writer than an executor changed the record: what triggers are derived from."""

    before: Values | None
    """None: the record was created."""
    by: str
    depth: int = 0
    causedby: UUID | None = None


class SnapshotData(Contract):
    """`marks` maps an executor to the newest command order that these values contain."""

    version: int = Field(ge=1)
    writer: str
    values: Values
    marks: dict[str, int] = Field(default_factory=dict)
    change: Change | None = None
    erased: bool = False


class Snapshot(Contract):
    """A record of `finish.interactions.v1` that the trigger of the records writes into the outbox, whoever wrote the row."""

    specversion: Literal["1.0"] = "1.0"
    dataschema: Literal["urn:finish:snapshot:1"] = DATASCHEMA
    id: str
    source: Literal["/prospects"] = "/prospects"
    type: Literal["prospect.snapshot"] = TYPE
    subject: str
    time: datetime
    prospectid: UUID
    prospectlistversion: int = Field(ge=0)
    recordedtime: datetime
    data: SnapshotData
