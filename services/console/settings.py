"""Settings of the console: `FA_CONSOLE__*`."""

from typing import ClassVar

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from core.token_keys import TokenKeys
from schemas.topics import HISTORY_GROUP
from services.blobs.settings import Blobs
from services.chassis.api_keys import ApiKeyCache
from services.chassis.json_body import BodyLimits
from services.chassis.kafka_lag import LagMeasuring
from services.chassis.listener import Listening
from services.chassis.settings import Concern, ServiceSettings, WebRoot
from services.outbound.settings import Webhook


class History(Concern):
    """The bounds of one batch, and how patiently it is tried again."""

    group: str = HISTORY_GROUP
    batch_max_records: PositiveInt = 500
    poll_timeout_ms: PositiveInt = 200
    gather_ms: NonNegativeInt = 100
    """After a batch that was not full, so that fewer and larger ones follow."""
    backoff_min_s: PositiveFloat = 0.2
    backoff_max_s: PositiveFloat = 10.0
    value_max_bytes: PositiveInt = 512 * 1024
    """Of a dead letter's bytes: the rest is cut off."""
    lag: LagMeasuring = LagMeasuring()


class ApiBody(BodyLimits):
    """Of a call of the API."""

    size_max_bytes: PositiveInt = 512 * 1024


class Uploads(Concern):
    """Of a hosted file."""

    size_max_bytes: PositiveInt = 512 * 1024 * 1024
    stall_timeout_s: PositiveFloat = 30.0
    """For the next bytes to arrive."""


class Console(Listening):
    """Where the API listens, and its upper bounds."""

    port: int = Field(default=8081, ge=0, le=65535)
    public_url: WebRoot = "http://127.0.0.1:8080"
    """Where prospects reach ingest: what links begin with, whatever Host a request names."""
    history: bool = True
    """Whether this process runs history too; alone it is `python -m services.console history`."""
    publish_timeout_s: PositiveFloat = 10.0
    """How long a save waits for the broker's acknowledgement before it is answered 504."""
    publish_poll_s: PositiveFloat = 0.1
    """Between two looks at the outbox when no notification comes."""
    publish_waiting_max: PositiveInt = 10_000
    fields_max: PositiveInt = 500
    letters_max: PositiveInt = 500
    """Dead letters that one call replays or deletes; it says whether more are left."""
    body: ApiBody = ApiBody()
    files: Uploads = Uploads()
    keys: ApiKeyCache = ApiKeyCache()
    reading: History = History()


class ConsoleSettings(ServiceSettings):
    """What the console process is told."""

    name: ClassVar[str] = "console"
    console: Console = Field(default_factory=Console)
    tokens: TokenKeys = Field(default_factory=TokenKeys)
    webhook: Webhook = Field(default_factory=Webhook)
    blobs: Blobs = Field(default_factory=Blobs)


class HistorySettings(ConsoleSettings):
    """What history is told when it runs alone."""

    name: ClassVar[str] = "history"
