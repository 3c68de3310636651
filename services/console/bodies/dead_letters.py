"""Dead letters as the API lists them: what is wrong, where from; one alone with its bytes, which may name people."""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, StringConstraints, model_validator

from schemas.contract import Id, Input
from schemas.outcomes import DeadReason
from services.console.paging import PageQuery

Topic = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[a-z0-9.-]+$")]
ProspectId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[ -~]+$")]


class DeadLetterQuery(PageQuery):
    """A page of the dead letters, narrowed down if wanted."""

    executor: Id | None = None
    reason: DeadReason | None = None
    topic: Topic | None = None
    prospect_id: ProspectId | None = None


class DeadLetterFilter(Input):
    """Which dead letters are meant: all that match everything given. Nothing given is refused, as it would be all of them."""

    executor: Id | None = None
    reason: DeadReason | None = None
    topic: Topic | None = None
    prospect_id: ProspectId | None = None

    @model_validator(mode="after")
    def _narrowed(self) -> "DeadLetterFilter":
        if not any((self.executor, self.reason, self.topic, self.prospect_id)):
            raise ValueError("at least one of executor, reason, topic and prospect_id is needed")
        return self


class ShownDeadLetter(BaseModel):
    """One record that could not be carried out. `replayed_at`: a replay was asked for then and has not ended."""

    id: UUID
    reason: DeadReason
    error: str
    topic: str
    partition: int
    offset: int
    executor: str | None
    uid: UUID | None
    prospect_id: str | None
    command_id: UUID | None
    attempts: int
    first_time: datetime
    last_time: datetime
    replayed_at: datetime | None
    size_bytes: int


class Content(BaseModel):
    """Bytes: as text where they are UTF-8, of a value where they are JSON; else as base64."""

    encoding: Literal["text", "base64"]
    content: str


class InspectedDeadLetter(ShownDeadLetter):
    """All that is known of it. `refusal`: why it cannot be replayed; null: it can."""

    key: Content | None
    value: Content | None
    cut: bool
    refusal: str | None


class Replays(BaseModel):
    """How many were put on their way, and whether more match that can be replayed."""

    replayed: int
    left: bool


class Deletions(BaseModel):
    """How many were deleted, and whether more match."""

    deleted: int
    left: bool


def shown_key(key: bytes | None) -> Content | None:
    """Return a record's key to be read."""
    if key is None:
        return None
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return _base64(key)
    return Content(encoding="text", content=text) if text.isprintable() else _base64(key)


def shown_value(value: bytes | None) -> Content | None:
    """Return a record's value to be read."""
    if value is None:
        return None
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return _base64(value)
    return Content(encoding="text", content=value.decode())


def _base64(content: bytes) -> Content:
    return Content(encoding="base64", content=b64encode(content).decode())
