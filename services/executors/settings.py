"""What the executors are told: `FA_EXECUTORS__*`."""

from datetime import time
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    StringConstraints,
    model_validator,
)

from core.due import is_zone
from core.token_keys import TokenKeys
from schemas.addresses import Address
from services.chassis.kafka_lag import LagMeasuring
from services.chassis.settings import Concern, ServiceSettings, WebRoot
from services.outbound.settings import Webhook


class Lanes(Concern):
    """How much is under way to other systems at a time, and how patient we are with them."""

    in_flight_max: PositiveInt = 200
    """Attempts under way in this process, of one executor."""
    concurrency: PositiveInt = 8
    """Attempts under way to one destination."""
    rate_per_s: PositiveFloat = 100.0
    """Attempts begun at one destination, by this process: divide an account's quota by the number of processes."""
    taken_max: PositiveInt = 100
    """Deliveries taken in one transaction."""
    gather_s: NonNegativeFloat = 0.01
    """After a taking that found something, so that fewer and larger ones follow."""
    settled_max: PositiveInt = 200
    """Attempts settled in one transaction."""
    lease_margin_s: PositiveFloat = 30.0
    """A lease outlasts the longest attempt by so much: then others take it over."""
    breaker_failures: PositiveInt = 5
    """After so many failures in a row a destination is left alone."""
    breaker_open_s: PositiveFloat = 30.0
    """For so long; then one attempt at a time shows whether it works again."""
    sweep_s: PositiveFloat = 5.0
    """Between two looks for deliveries whose deadline is over."""
    lanes_kept: PositiveInt = 10_000
    """Destinations that are remembered."""
    webhook_steps_s: tuple[PositiveFloat, ...] = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    """Seconds before the second attempt of a webhook, the third and so on."""
    webhook_deadline_h: PositiveFloat = 120.0
    webhook_disabled_after_h: PositiveFloat = 120.0
    """A webhook's destination that only fails for so long is paused."""
    lambda_retry_first_s: PositiveFloat = 1.0
    lambda_retry_max_s: PositiveFloat = 100.0
    lambda_deadline_h: PositiveFloat = 6.0
    mail_retry_first_s: PositiveFloat = 1.0
    mail_retry_max_s: PositiveFloat = 600.0
    mail_deadline_h: PositiveFloat = 24.0


class Executors(Concern):
    """The bounds of one batch, and how patiently it is tried again."""

    batch_max_records: PositiveInt = 500
    lanes: PositiveInt = 2
    """So many batches are settled at a time, of different partitions, each on a connection of its own."""
    poll_ms: PositiveInt = 200
    record_max_bytes: PositiveInt = 512 * 1024
    """A larger record is a dead letter unread; of its bytes so many are kept."""
    retry_first_s: PositiveFloat = 0.2
    retry_max_s: PositiveFloat = 10.0
    bug_attempts_max: PositiveInt = 3
    """So often an error of no known kind is met before its batch is taken apart."""
    commit_interval_s: NonNegativeFloat = 0.5
    """Between two commits of offsets: what a crash leaves uncommitted is read again, and dropped by the ledger."""
    commit_timeout_s: PositiveFloat = 2.0
    lag: LagMeasuring = LagMeasuring()
    delivery_batch_max: PositiveInt = 50
    """Of deliveries whose effect is in the database: so many in one transaction."""
    delivery_poll_s: PositiveFloat = 0.1
    """Between two looks for deliveries that are due."""
    remote: Lanes = Lanes()
    waits_poll_s: PositiveFloat = 1.0
    """Between two looks for deliveries that wait for commands which have ended."""
    pauses_poll_s: PositiveFloat = 0.5
    """Between two looks at what is paused."""


def _zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("must be a time zone such as Europe/Vienna")
    return name


class Mail(Concern):
    """How mails leave, in whose name, where their links point, and when marketing waits. Of SES the credentials are those that
    AWS's own variables, files and roles give."""

    transport: Literal["smtp", "ses"] = "smtp"
    host: str = "127.0.0.1"
    port: int = Field(default=1025, ge=1, le=65535)
    tls: Literal["none", "starttls", "implicit"] = "none"
    ca_file: Path | None = None
    """Of the authority that signed the mail server's certificate; none: those that the system trusts."""
    user: str | None = None
    password: SecretStr | None = None
    ses_region: str | None = None
    ses_endpoint: WebRoot | None = None
    """Another address than AWS's own."""
    ses_configuration_set: str | None = None
    sender_email: Address = "marketing@finish.example"
    """Whose mails are that name no sender, and who gets what comes back undelivered."""
    sender_name: str = ""
    domain: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,200}$")] = "finish.example"
    """Of the messages' ids."""
    public_url: WebRoot = "http://127.0.0.1:8080"
    """Where prospects reach ingest: what tracked links begin with."""
    connect_timeout_s: PositiveFloat = 10.0
    timeout_s: PositiveFloat = 60.0
    """Of a whole attempt."""
    cap: int = Field(default=0, ge=0, le=100)
    """Marketing waits where a prospect has got so many mails within the window; 0: it never does."""
    cap_window_s: PositiveInt = 86_400
    quiet_from: time | None = None
    quiet_until: time | None = None
    """Between these times of day marketing waits, the end may be the next day's; none: it never does."""
    quiet_zone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @model_validator(mode="after")
    def _whole(self) -> "Mail":
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet_from and quiet_until go together")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        return self


class Lambda(Concern):
    """Where functions run. Of AWS the credentials are those that its own variables, files and roles give."""

    region: str | None = None
    """Of actions that name none; not given: what AWS's own configuration says."""
    endpoint: WebRoot | None = None
    """Another address than AWS's own."""
    connect_timeout_s: PositiveFloat = 5.0
    timeout_s: PositiveFloat = 60.0
    """How long the answer of a synchronous call is waited for."""
    connections_max: PositiveInt = 50
    answer_max_bytes: PositiveInt = 6 * 1024 * 1024
    local_enabled: bool = False
    """Whether actions may run `<local_folder>/<function>.py` on this machine."""
    local_folder: Path = Path(".local/lambda")
    local_timeout_s: PositiveFloat = 30.0
    local_processes_max: PositiveInt = 4


class ExecutorsSettings(ServiceSettings):
    """Everything that the process is told."""

    name: ClassVar[str] = "executors"
    executors: Executors = Field(default_factory=Executors)
    webhook: Webhook = Field(default_factory=Webhook)
    lambda_: Lambda = Field(default_factory=Lambda, alias="FA_LAMBDA")
    mail: Mail = Field(default_factory=Mail)
    tokens: TokenKeys = Field(default_factory=TokenKeys)
