"""What `finish` is told: `FA_CLI__*`, and `FA_KAFKA__*`, `FA_POSTGRES__*` and `FA_TOPICS__*` like everybody else."""

from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr

from deploy.topics import Topics
from services.chassis.settings import Concern, ServiceSettings

_CHECKOUT: Final = Path(__file__).resolve().parents[2]


class Cli(Concern):
    """Where the deployment is, how patient `finish` is, and from when on the doctor warns."""

    stack: Path = _CHECKOUT / ".local" / "stack.json"
    """Of a running local stack; what neither an option nor the environment says is read there."""
    ingest: str | None = None
    console: str | None = None
    api_key: SecretStr | None = None
    ops: dict[str, str] = Field(default_factory=dict)
    """Where services tell their health, by name: `{"relay": "http://10.0.0.7:9100"}`."""

    timeout_s: PositiveFloat = 10.0
    """For one request, and for everything that the doctor asks one server."""
    retry_for_s: PositiveFloat = 60.0
    """So long events are posted again while ingest is not available."""
    retry_pause_s: PositiveFloat = 0.5
    retry_pause_max_s: PositiveFloat = 10.0
    """Whatever `Retry-After` says."""
    poll_s: PositiveFloat = 0.2

    lag_warning_records: NonNegativeInt = 1000
    outbox_warning_s: PositiveFloat = 5.0
    outbox_failed_s: PositiveFloat = 60.0
    clock_warning_s: PositiveFloat = 2.0
    clock_failed_s: PositiveFloat = 30.0
    rows_shown_max: PositiveInt = 50


class CliSettings(ServiceSettings):
    """Everything that the command is told."""

    name: ClassVar[str] = "finish"
    cli: Cli = Field(default_factory=Cli)
    topics: Topics = Field(default_factory=Topics)
