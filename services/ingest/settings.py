"""Settings of ingest: `FA_INGEST__*`."""

from ipaddress import ip_network
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import NoDecode

from core.limits import DEFAULT, Limits
from core.token_keys import TokenKeys
from schemas.interactions import BATCH_MAX_BYTES, BATCH_MAX_EVENTS, SIZE_MAX_BYTES
from services.blobs.settings import Blobs
from services.chassis.api_keys import ApiKeyCache
from services.chassis.client_address import Network
from services.chassis.json_body import BodyLimits
from services.chassis.listener import Listening
from services.chassis.settings import Concern, ServiceSettings
from services.chassis.tail import Tail
from services.outbound.settings import Webhook


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


class Spam(Concern):
    """How many submissions of forms one address and user may make: `attempts` inside the window, and the last is refused."""

    attempts: int = Field(default=DEFAULT.spam_attempts, ge=2, le=1000)
    window_s: PositiveInt = DEFAULT.spam_window_ms // 1000

    @property
    def limits(self) -> Limits:
        """Return them as the rule wants them."""
        return Limits(spam_attempts=self.attempts, spam_window_ms=self.window_s * 1000)


class WritingBehind(Concern):
    """How long whoever is served in any case waits for durability, and how much may be under way behind the answers."""

    wait_s: PositiveFloat = 0.05
    interactions_max: PositiveInt = 10_000
    """More are dropped and counted. One has a few KiB at most."""
    outbox_max: PositiveInt = 4
    """How many go to the outbox at a time: the others wait for their turn, and connections are left for other requests."""


def _networks(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        listed = orjson.loads(value) if value.startswith("[") else filter(str.strip, value.split(","))
        return tuple(ip_network(str(each).strip()) for each in listed)
    except ValueError:
        raise ValueError("networks are <address>/<bits> with commas between") from None


def _names(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    listed = orjson.loads(value) if value.startswith("[") else value.split(",")
    return tuple(str(each).strip() for each in listed if str(each).strip())


class EventBody(BodyLimits):
    """Of `POST /v1/events`."""

    size_max_bytes: PositiveInt = BATCH_MAX_BYTES


class SegmentBody(BodyLimits):
    """Of what an analytics SDK sends."""

    size_max_bytes: PositiveInt = 500 * 1024


class Segment(Concern):
    """Of messages as Segment specified them: its own bounds."""

    body: SegmentBody = SegmentBody()
    message_max_bytes: PositiveInt = 32 * 1024
    batch_max_messages: PositiveInt = 2500


class RecordHookBody(BodyLimits):
    """Of what a CRM tells of its records."""

    size_max_bytes: PositiveInt = 1024 * 1024


class RecordHooks(Concern):
    """Of record hooks: `POST /v1/hooks/{hook_id}`."""

    body: RecordHookBody = RecordHookBody()
    records_max: PositiveInt = 100
    """In one call: each is a transaction of its own."""


class FormBody(BodyLimits):
    """Of a submitted form."""

    size_max_bytes: PositiveInt = 64 * 1024


class FeedBody(BodyLimits):
    """Of what a mail service tells."""

    size_max_bytes: PositiveInt = 1024 * 1024


class Feeds(Concern):
    """Which mail services may tell of mails, each once its key is set: `POST /v1/feeds/<ses, sendgrid, mailgun, postmark>`."""

    body: FeedBody = FeedBody()
    stale_after_s: PositiveInt = 3600
    """Signed messages that are older are acknowledged, and change nothing."""
    sns_topics: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    """ARNs of the topics of SNS's that SES publishes to, with commas between or as a JSON array; their signature is of version 2."""
    sns_endpoint: str | None = None
    sendgrid_public_key: str | None = None
    """As SendGrid shows it for its signed event webhook."""
    mailgun_signing_key: SecretStr | None = None
    postmark_user: str = "postmark"
    postmark_password: SecretStr | None = None
    """Of the address that Postmark is given: `https://<user>:<password>@<host>/v1/feeds/postmark`."""


class Files(Concern):
    """How many downloads there may be at a time, and how patiently slow ones are served."""

    under_way_max: PositiveInt = 1000
    per_address_max: PositiveInt = 32
    """More are answered 429. Many people may share an address."""
    stall_timeout_s: PositiveFloat = 60.0
    """For a client to take 256 KiB."""


class Ingest(Listening):
    """Where events are taken, and what they may look like."""

    body: EventBody = EventBody()
    event_max_bytes: PositiveInt = SIZE_MAX_BYTES
    batch_max_events: PositiveInt = BATCH_MAX_EVENTS
    past_max_days: PositiveInt = 366
    future_max_days: PositiveInt = 1
    catch_up_timeout_s: PositiveFloat = 1.0
    """For an asset that is not known: it may have been made a moment ago."""
    database_timeout_s: PositiveFloat = 3.0
    published_timeout_s: PositiveFloat = 1.0
    """For events that say less consent to be in the log: committed, they are accepted in any case, but what is posted next of the
    prospect is behind them."""
    form_body: FormBody = FormBody()
    form_max_fields: PositiveInt = 200
    confirmations_per_hour: PositiveInt = 100
    """Mails of one form that ask new addresses to be confirmed; what is beyond leaves later."""
    segment: Segment = Segment()
    record_hooks: RecordHooks = RecordHooks()
    feeds: Feeds = Feeds()
    files: Files = Files()
    mail_links_max: PositiveInt = 50_000
    """Links of mails that are kept in memory."""
    spam: Spam = Spam()
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()
    """Networks of our own proxies, with commas between or as a JSON array: from them, X-Forwarded-For tells the client's address."""
    publishing: Publishing = Publishing()
    writing_behind: WritingBehind = WritingBehind()
    keys: ApiKeyCache = ApiKeyCache()
    tail: Tail = Tail()


class IngestSettings(ServiceSettings):
    """What the ingest process is told."""

    name: ClassVar[str] = "ingest"
    ingest: Ingest = Field(default_factory=Ingest)
    tokens: TokenKeys = Field(default_factory=TokenKeys)
    blobs: Blobs = Field(default_factory=Blobs)
    webhook: Webhook = Field(default_factory=Webhook)
