"""Where the deployment is. Options come first, then the environment, then `stack.json` of a running local stack."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import SecretStr

from deploy.errors import DeployError
from services.chassis.settings import Kafka, Postgres, load
from services.cli.settings import Cli, CliSettings


@Parameter(name="*", group="Where")
@dataclass(frozen=True, slots=True)
class Where:
    """The options that every command has. The API key is no option: other users see command lines."""

    stack: Annotated[Path | None, Parameter(help="stack.json of a running local stack  [FA_CLI__STACK]")] = None
    ingest: Annotated[str | None, Parameter(help="Address of ingest  [FA_CLI__INGEST]")] = None
    console: Annotated[str | None, Parameter(help="Address of the console  [FA_CLI__CONSOLE, FA_CLI__API_KEY]")] = None


HERE = Where()
"""The local stack of this checkout."""


@dataclass(frozen=True, slots=True)
class Address:
    """What is asked for is looked up, and missed, only then: not every command needs every server."""

    settings: CliSettings
    where: Where
    file: Path
    stack: Mapping[str, Any]

    @property
    def cli(self) -> Cli:
        """What the command itself is told."""
        return self.settings.cli

    @property
    def ingest(self) -> str:
        """The address of ingest. Raises DeployError when nobody names it, as everything here does."""
        return _url(self.where.ingest or self.cli.ingest or self._told("ingest", "FA_CLI__INGEST"))

    @property
    def console(self) -> str:
        """The address of the console."""
        return _url(self.where.console or self.cli.console or self._told("console", "FA_CLI__CONSOLE"))

    @property
    def api_key(self) -> SecretStr:
        """The key for both APIs."""
        return self.cli.api_key or SecretStr(self._told("api_key", "FA_CLI__API_KEY"))

    @property
    def kafka(self) -> Kafka:
        """How to reach the broker."""
        kafka = self.settings.kafka
        if "bootstrap" in kafka.model_fields_set:
            return kafka
        return kafka.model_copy(update={"bootstrap": self._told("kafka", "FA_KAFKA__BOOTSTRAP")})

    @property
    def postgres(self) -> Postgres:
        """How to reach the database."""
        postgres = self.settings.postgres
        if "url" in postgres.model_fields_set or ("postgres" not in self.stack and "DATABASE_URL" in os.environ):
            return postgres
        return postgres.model_copy(update={"url": SecretStr(self._told("postgres", "FA_POSTGRES__URL"))})

    @property
    def ops(self) -> Mapping[str, str]:
        """Where services tell their health, by name; empty when nobody says."""
        return self.cli.ops or self.stack.get("ops") or {}

    @property
    def served(self) -> bool:
        """Whether anybody names the two APIs: a broker and a database can be examined without them."""
        return bool("console" in self.stack or self.where.console or self.cli.console)

    def _told(self, name: str, variable: str) -> str:
        value = self.stack.get(name)
        if not value:
            raise DeployError(
                f"{self.file} {'does not name ' + name if self.stack else 'is missing: no stack is running there'}; "
                f"start one with `make run`, or say where the deployment is with {variable}"
            )
        return str(value)


def find(where: Where) -> Address:
    """Read the settings and, if there is one, the stack's file. Raises DeployError for a file that cannot be read."""
    settings = load(CliSettings)
    file = where.stack or settings.cli.stack
    return Address(settings, where, file, _read(file))


def _read(file: Path) -> dict[str, Any]:
    try:
        stack = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as exc:
        raise DeployError(f"{file} cannot be read: {type(exc).__name__}") from None
    if not isinstance(stack, dict):
        raise DeployError(f"{file} is not the file that a local stack writes")
    return stack


def _url(text: str) -> str:
    return text.rstrip("/")
