"""What the local stack is told: `FA_LOCAL__*`, and the broker or database to use instead of its own."""

from pathlib import Path
from typing import Final

import platformdirs
from pydantic import AliasChoices, Field, PositiveFloat, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.errors import DeployError

HOST: Final = "127.0.0.1"
_MIB: Final = 1024 * 1024


class LocalSettings(BaseSettings):
    """Several stacks live side by side when each has its own `dir` and ports."""

    model_config = SettingsConfigDict(env_prefix="FA_LOCAL__", frozen=True, extra="ignore", populate_by_name=True)

    dir: Path = Path(".local")
    """Data, logs, the local key and `stack.json`."""
    cache_dir: Path = Field(default_factory=lambda: platformdirs.user_cache_path("finish-actions"))
    """Kafka's jars, shared by all stacks of this user."""
    maven_url: str | None = None
    """A mirror of Maven Central; none: Maven Central."""
    java: Path | None = None
    """A Java >= 17; none: the wheel's, else the system's."""

    ingest_port: int = Field(default=8080, ge=0, le=65535)
    console_port: int = Field(default=8081, ge=0, le=65535)
    mail_port: int = Field(default=8025, ge=0, le=65535)
    """Of the page that shows what was mailed."""
    smtp_port: int = Field(default=1025, ge=0, le=65535)
    kafka_port: int = Field(default=9092, ge=0, le=65535)
    postgres_port: int = Field(default=5433, ge=0, le=65535)
    ops_port: int = Field(default=9101, ge=0, le=65000)
    """Of the first service, the others count on. Port 0 takes a free one, here as above."""

    kafka_heap_mib: PositiveInt = 512
    durable: bool = True
    """Off: nothing is forced to disk. Survives every kill, but not a power cut; for tests."""
    free_min_mib: PositiveInt = 1024
    start_timeout_s: PositiveFloat = 120.0
    stop_timeout_s: PositiveFloat = 25.0

    kafka_bootstrap: str | None = Field(default=None, validation_alias="FA_KAFKA__BOOTSTRAP")
    """Given: the stack starts no broker of its own."""
    postgres_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("FA_POSTGRES__URL", "DATABASE_URL")
    )
    """Given, or `DATABASE_URL`: the stack starts no database of its own."""

    @property
    def free_min_bytes(self) -> int:
        """Return what must be free on the disk before anything starts."""
        return self.free_min_mib * _MIB


def load() -> LocalSettings:
    """Read the environment. Raises DeployError with one sentence per mistake."""
    try:
        return LocalSettings()
    except ValidationError as exc:
        mistakes = (f"FA_LOCAL__{str(e['loc'][0]).upper()}: {e['msg']}" for e in exc.errors(include_input=False))
        raise DeployError("; ".join(mistakes)) from None
