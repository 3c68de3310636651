"""What the executors are told: `FA_EXECUTORS__*`."""

from typing import ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from services.chassis.kafka_lag import LagMeasuring
from services.chassis.settings import Concern, ServiceSettings
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


class ExecutorsSettings(ServiceSettings):
    """Everything that the process is told."""

    name: ClassVar[str] = "executors"
    executors: Executors = Field(default_factory=Executors)
    webhook: Webhook = Field(default_factory=Webhook)
