"""Settings from the environment: `FA_<CONCERN>__<NAME>`, one frozen value per process, validated before anything starts.

A service subclasses `ServiceSettings` and adds its own concern:

    class IngestSettings(ServiceSettings):
        name: ClassVar[str] = "ingest"
        ingest: Ingest = Field(default_factory=Ingest)

An unknown name inside a concern is an error, so a typing mistake cannot silently leave a default in force.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    StringConstraints,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

EXIT_CONFIGURATION: Final = 78
"""EX_CONFIG of sysexits.h."""


class Concern(BaseModel):
    """One group of settings, `FA_<CONCERN>__*`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


WebRoot = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s/?#@\\]+(/[^\s?#\\]*)?$"),
    AfterValidator(lambda url: url.rstrip("/")),
]
"""What other addresses begin with, without a slash at its end."""


class Kafka(Concern):
    """How to reach the broker, and the upper bounds of what is sent to it and read from it."""

    bootstrap: str = "127.0.0.1:9092"
    """`host:port` of one broker or, with commas, of several."""
    topic_prefix: str = ""
    """Before every topic, group and transactional id: tests and shared clusters."""
    member_id: str | None = None
    """Static membership: unique per replica (its ordinal). A restart within the session keeps the partitions."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ca_file: Path | None = None
    """Of the authority that signed the brokers' certificates; none: those that the system trusts."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None

    request_timeout_ms: PositiveInt = 30_000
    retry_backoff_ms: PositiveInt = 100
    metadata_max_age_ms: PositiveInt = 60_000

    delivery_timeout_s: PositiveFloat = 30.0
    """For all batches of one `send_batches`. aiokafka itself never gives up on an idempotent batch."""
    transaction_timeout_ms: PositiveInt = 60_000
    linger_ms: int = Field(default=0, ge=0)
    """Senders gather batches themselves; a closed batch does not wait for the linger."""
    batch_max_bytes: PositiveInt = 512 * 1024
    record_max_bytes: PositiveInt = 1024 * 1024
    """Equal to the topics' `max.message.bytes`: what is larger would be refused by the broker and kill the producer."""

    session_timeout_ms: PositiveInt = 10_000
    heartbeat_interval_ms: PositiveInt = 1_000
    rebalance_timeout_ms: PositiveInt = 30_000
    poll_interval_max_ms: PositiveInt = 300_000
    fetch_wait_max_ms: PositiveInt = 100
    """How long the broker keeps a question open when there is nothing new. Anything else that is asked waits behind it."""
    group_fetch_wait_max_ms: PositiveInt = 500
    """The same for members of a group: new records are told at once, so it is only how often nothing is asked for."""
    fetch_max_bytes: PositiveInt = 16 * 1024 * 1024
    partition_fetch_max_bytes: PositiveInt = 2 * 1024 * 1024

    def topic(self, name: str) -> str:
        """Return the topic's name on this broker."""
        return self.topic_prefix + name

    def group(self, name: str) -> str:
        """Return the name on this broker of a group or a transactional id."""
        return self.topic_prefix + name


def _database_url() -> SecretStr:
    return SecretStr(os.environ.get("DATABASE_URL", "postgresql://finish@127.0.0.1:5433/finish"))


class Postgres(Concern):
    """How to reach the database (`DATABASE_URL` when `FA_POSTGRES__URL` is not given), and what bounds a statement."""

    url: SecretStr = Field(default_factory=_database_url)
    pool_min: int = Field(default=0, ge=0)
    pool_max: PositiveInt = 10
    """Of this process: the database must allow the sum of all."""
    connect_timeout_s: PositiveFloat = 5.0
    acquire_timeout_s: PositiveFloat = 5.0
    statement_timeout_s: PositiveFloat = 5.0
    lock_timeout_s: PositiveFloat = 4.0
    idle_in_transaction_timeout_s: PositiveFloat = 10.0
    transaction_timeout_s: PositiveFloat = 20.0
    """Of all of a transaction. A process that stands still between a statement's parts does not count as idle, and would keep
    its locks."""


class Ops(Concern):
    """Where `/livez`, `/readyz` and `/metrics` listen. Port 0 takes a free one."""

    host: str = "127.0.0.1"
    """In a container `0.0.0.0`, or nobody reaches it."""
    port: int = Field(default=9100, ge=0, le=65535)
    check_timeout_s: PositiveFloat = 2.0


class ClockSource(Concern):
    """A file that moves the calendar in tests (see `clock.FileClock`); none: the system's clock."""

    file: Path | None = None


class Log(Concern):
    """One JSON object per line, or readable lines while developing."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class Stop(Concern):
    """How long an orderly stop may take: work in hand is ended within `grace_s`, then cut off."""

    grace_s: PositiveFloat = 20.0
    cancel_s: PositiveFloat = 5.0


class ServiceSettings(BaseSettings):
    """What every process is told. Subclasses set `name` and add one concern of their own."""

    model_config = SettingsConfigDict(env_prefix="FA_", env_nested_delimiter="__", frozen=True, extra="ignore")

    name: ClassVar[str] = "service"
    kafka: Kafka = Field(default_factory=Kafka)
    postgres: Postgres = Field(default_factory=Postgres)
    ops: Ops = Field(default_factory=Ops)
    clock: ClockSource = Field(default_factory=ClockSource)
    log: Log = Field(default_factory=Log)
    stop: Stop = Field(default_factory=Stop)


def effective(settings: ServiceSettings) -> dict[str, Any]:
    """Return the settings in force as JSON values, secrets masked, to be logged at the start."""
    return settings.model_dump(mode="json")


S = TypeVar("S", bound=ServiceSettings)


def load(kind: type[S]) -> S:
    """Read the environment, or end the process with one sentence per mistake. Values are not printed."""
    try:
        return kind()
    except ValidationError as exc:
        for error in exc.errors(include_input=False, include_url=False):
            variable = "FA_" + "__".join(str(part).upper() for part in error["loc"])
            print(f"{kind.name}: {variable}: {error['msg']}", file=sys.stderr)  # noqa: T201 - there is no logging before there are settings
        raise SystemExit(EXIT_CONFIGURATION) from None
