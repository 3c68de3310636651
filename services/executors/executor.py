"""What an executor is: a name, and the actions that it carries out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas.topics import RECORD_EXECUTORS, commands, executor_group
from services.executors.ports import Situation

IN_APP: Final = "in_app"
"""The destination of what stays in the workspace."""

EMAIL: Final = "email"
"""The destination of notices by e-mail."""

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
class LocalAction:
    """One type of outside action whose effect is in the workspace, committed with the end of its command. The effect is the
    statement of that name in `adapters/sql/<executor>.sql`.

    `check` raises pydantic's ValidationError for parameters that can never be carried out; `prepare` turns them into what the
    statement reads, with the record as it is then, and raises PermanentError. `destination` names its lane.
    """

    type: str
    destination: Callable[[Mapping[str, Any]], str]
    check: Callable[[Mapping[str, Any]], None]
    prepare: Callable[[Mapping[str, Any], Situation], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RemoteAction:
    """One type of outside action that another system carries out, called through the executor's `Remote`.

    `check` raises pydantic's ValidationError for parameters that can never be carried out; `destination` names the lane.
    """

    type: str
    destination: Callable[[Mapping[str, Any]], str]
    check: Callable[[Mapping[str, Any]], None]


Action = RecordAction | LocalAction | RemoteAction


@dataclass(frozen=True, slots=True)
class Executor:
    """One consumer group, one topic of commands and, for record actions, one mark."""

    name: str
    actions: Mapping[str, Action]

    @property
    def of_record(self) -> bool:
        """Whether its actions change the prospect's record."""
        return self.name in RECORD_EXECUTORS

    @property
    def topic(self) -> str:
        """The topic of its commands, without the deployment's prefix."""
        return commands(self.name)

    @property
    def group(self) -> str:
        """Its consumer group, without the deployment's prefix."""
        return executor_group(self.name)
