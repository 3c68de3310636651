"""Settings of ingest: `FA_INGEST__*`."""

from typing import ClassVar

from pydantic import Field, PositiveFloat, PositiveInt

from schemas.interactions import BATCH_MAX_BYTES, BATCH_MAX_EVENTS, SIZE_MAX_BYTES
from services.chassis.api_keys import ApiKeyCache
from services.chassis.json_body import BodyLimits
from services.chassis.listener import Listening
from services.chassis.settings import Concern, ServiceSettings
from services.chassis.tail import Tail


class Publishing(Concern):
    """How events are gathered into batches, and how long anybody waits for the broker."""

    ack_timeout_s: PositiveFloat = 2.0
    gather_s: float = Field(default=0.002, ge=0)
    waiting_max_bytes: PositiveInt = 32 * 1024 * 1024
    """Of events that no batch has taken yet: more are answered 503 at once."""
    delivery_timeout_s: PositiveFloat = 10.0
    """After which a producer that gets no acknowledgement is replaced."""
    backoff_min_s: PositiveFloat = 0.1
    backoff_max_s: PositiveFloat = 2.0


class Ingest(Listening):
    """Where events are taken, and what they may look like."""

    body: BodyLimits = BodyLimits(size_max_bytes=BATCH_MAX_BYTES)
    event_max_bytes: PositiveInt = SIZE_MAX_BYTES
    batch_max_events: PositiveInt = BATCH_MAX_EVENTS
    past_max_days: PositiveInt = 366
    future_max_days: PositiveInt = 1
    catch_up_timeout_s: PositiveFloat = 1.0
    """For an asset that is not known: it may have been made a moment ago."""
    database_timeout_s: PositiveFloat = 3.0
    publishing: Publishing = Publishing()
    keys: ApiKeyCache = ApiKeyCache()
    tail: Tail = Tail()


class IngestSettings(ServiceSettings):
    """What the ingest process is told."""

    name: ClassVar[str] = "ingest"
    ingest: Ingest = Field(default_factory=Ingest)
