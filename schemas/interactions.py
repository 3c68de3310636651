"""Interactions: CloudEvents 1.0 in structured JSON, as clients post them and, stamped by ingest, as the log keeps them.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from schemas.contract import Contract, Id
from schemas.triggers import INTERACTION_TYPES

DATASCHEMA: Final = "urn:finish:interaction:1"
SIZE_MAX_BYTES: Final = 64 * 1024
BATCH_MAX_BYTES: Final = 1024 * 1024
BATCH_MAX_EVENTS: Final = 1000
STAMPS: Final = frozenset({"uid", "actionlistversion", "prospectlistversion", "recordedtime", "depth", "causedby"})
"""Extensions that only ingest sets."""

FORM_SOURCE: Final = "form:"
"""Before a form's id: the source of its submissions, counted against spam at the door."""
OWN_SOURCES: Final = (FORM_SOURCE, "finish/")
"""How sources begin in whose name nobody else may speak."""

_PLAIN_TEXT = r"^[^\x00-\x1f\x7f]+$"
EventText = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_PLAIN_TEXT)]
Scalar = str | int | float | bool | None


def _written_out(value: Any) -> Any:
    """Let through only texts: pydantic takes a number for seconds, which a clock of milliseconds would write by mistake."""
    if isinstance(value, datetime) or (isinstance(value, str) and value[10:11] in {"T", "t", " "}):
        return value
    raise ValueError("must be an instant of RFC 3339, such as 2026-01-31T12:00:00Z")


def _known_from_outside(value: str) -> str:
    if value not in INTERACTION_TYPES:
        raise ValueError("is not an interaction type")
    if value.startswith("prospect."):
        raise ValueError("record triggers are raised by record changes only, not posted")
    return value


class EventData(BaseModel):
    """What the tracker knows of one interaction. Further keys are readable as `event.data.<name>`."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    ip: Annotated[str, StringConstraints(max_length=64)] | None = None
    user_agent: Annotated[str, StringConstraints(max_length=1024)] | None = None
    url: Annotated[str, StringConstraints(max_length=2048)] | None = None
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    message_id: EventText | None = None
    bot: Literal["human", "scanner", "prefetch", "proxy_open", "unknown"] | None = None
    form: dict[str, Scalar | list[str]] | None = None


class PostedEvent(BaseModel):
    """One item of `POST /v1/events`: who did what to which asset, and when. Other CloudEvents extensions are dropped."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"]
    id: EventText
    source: EventText
    type: Annotated[str, AfterValidator(_known_from_outside)]
    subject: Id
    time: Annotated[AwareDatetime, BeforeValidator(_written_out)]
    datacontenttype: Literal["application/json"] = "application/json"
    prospectid: UUID | None = None
    externalid: EventText | None = None
    """The prospect's id in another system."""
    anonymousid: Id | None = None
    data: EventData = Field(default_factory=EventData)

    @model_validator(mode="before")
    @classmethod
    def _refuse_stamps(cls, value: Any) -> Any:
        if isinstance(value, dict) and not STAMPS.isdisjoint(value):
            raise ValueError(f"{', '.join(sorted(STAMPS & value.keys()))}: set by the server only")
        return value


class Interaction(Contract):
    """A record of `finish.interactions.v1`. `recordedtime` is the server's clock at acceptance, `time` the client's."""

    specversion: Literal["1.0"] = "1.0"
    dataschema: Literal["urn:finish:interaction:1"] = DATASCHEMA
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    uid: UUID
    prospectid: str
    """A prospect's UUID, or `anon:<id>`."""
    actionlistversion: int = Field(ge=0)
    """0: the asset had no list when the interaction was accepted."""
    prospectlistversion: int = Field(ge=0)
    recordedtime: datetime
    data: dict[str, Any] = Field(default_factory=dict)
