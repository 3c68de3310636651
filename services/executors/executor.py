"""What an executor is: a name, and the actions that it carries out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.topics import commands, executor_group

Operands = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RecordAction:
    """One type of record action. Its effect is the statement of that name in `adapters/sql/<executor>.sql`.

    `operands` turns a command's parameters into what the statement reads, limits included, and raises PermanentError or
    pydantic's ValidationError for parameters that can never be carried out.
    """

    type: str
    operands: Operands


@dataclass(frozen=True, slots=True)
class Executor:
    """One consumer group, one topic of commands and, for record actions, one mark."""

    name: str
    actions: Mapping[str, RecordAction]

    @property
    def topic(self) -> str:
        """The topic of its commands, without the deployment's prefix."""
        return commands(self.name)

    @property
    def group(self) -> str:
        """Its consumer group, without the deployment's prefix."""
        return executor_group(self.name)
