"""What the executors are told: `FA_EXECUTORS__*`."""

from typing import ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from services.chassis.kafka_lag import LagMeasuring
from services.chassis.settings import Concern, ServiceSettings


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
    waits_poll_s: PositiveFloat = 1.0
    """Between two looks for deliveries that wait for commands which have ended."""
    pauses_poll_s: PositiveFloat = 0.5
    """Between two looks at what is paused."""


class ExecutorsSettings(ServiceSettings):
    """Everything that the process is told."""

    name: ClassVar[str] = "executors"
    executors: Executors = Field(default_factory=Executors)
