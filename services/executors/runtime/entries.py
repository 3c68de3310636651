"""Records of a commands topic, read: an effect to carry out, a command that cannot be, or bytes that are no command.

A command is settled even when its type, schema or parameters are unknown here, because the evaluator waits for its mark.
Only where no command can be read is a dead letter all there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, NamedTuple, TypeAlias
from uuid import UUID

from pydantic import AwareDatetime, StringConstraints, ValidationError

from core.records import Refused, json_object
from schemas.commands.command import Command
from schemas.contract import SCHEMA_VERSION
from schemas.dead_letters import letter_id
from schemas.outcomes import DeadReason
from services.chassis.errors import PermanentError
from services.executors.executor import Action, Executor, RecordAction


class Record(NamedTuple):
    """A record as it lies in the topic. `replay_of`: the dead letter whose replay it is."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    replay_of: UUID | None = None

    @property
    def id(self) -> UUID:
        """The id of its dead letter."""
        return letter_id(self.topic, self.partition, self.offset, self.replay_of)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something ends dead. `error` is a constant sentence or names, never a value."""

    reason: DeadReason
    error: str
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is no command, or one that cannot even be settled as dead."""

    record: Record
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with its command: to be carried out, or, with a refusal, to be settled as dead."""

    record: Record
    command: Command
    operands: Mapping[str, Any]
    refusal: Refusal | None = None


AnyEntry: TypeAlias = Entry | Unreadable


def condemned(entry: Entry, refusal: Refusal) -> AnyEntry:
    """Return what is left of an entry that failed alone: its command settled as dead; failing so too, the bytes."""
    return replace(entry, refusal=refusal) if entry.refusal is None else Unreadable(entry.record, refusal)


def read(record: Record, executor: Executor, record_max_bytes: int) -> AnyEntry:
    """Read one record. Never raises for what stands in it."""
    if (size := len(record.value or b"")) > record_max_bytes:
        return Unreadable(record, Refusal("oversize", f"{size} bytes, at most {record_max_bytes} are read"))
    try:
        document = json_object(record.value)
    except Refused as refused:
        return Unreadable(record, Refusal(refused.reason, refused.error))
    known = document.get("schema") == SCHEMA_VERSION
    foreign = Refusal("unknown_schema", "a command of a schema that this version does not read")
    try:
        command = _Envelope.model_validate(document)
    except ValidationError as exc:
        refusal = Refusal("malformed", f"missing or wrong: {_named(exc)}") if known else foreign
        return Unreadable(record, refusal)
    return _judged(record, command, executor) if known else Entry(record, command, {}, foreign)


def _judged(record: Record, command: Command, executor: Executor) -> Entry:
    if (action := executor.actions.get(command.type)) is None:
        sentence = f"a type that the executor {executor.name} does not carry out"
        return Entry(record, command, {}, Refusal("unknown_type", sentence))
    try:
        return Entry(record, command, _checked(action, command.params))
    except ValidationError as exc:
        return Entry(record, command, {}, Refusal("permanent", f"wrong parameters: {_named(exc)}"))
    except PermanentError as exc:
        return Entry(record, command, {}, Refusal("permanent", exc.reason))


def _checked(action: Action, params: Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(action, RecordAction):
        return action.operands(params)
    action.check(params)
    return {}


class _Envelope(Command):
    """A command whose identity can be written into the ledger, of whatever schema."""

    schema_: Any = None
    action_id: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
    type: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")]
    recordedtime: AwareDatetime


def _named(exc: ValidationError) -> str:
    """Return where the first errors are, not what stands there."""
    found = exc.errors(include_input=False, include_url=False, include_context=False)
    return ", ".join(_place(error["loc"], error["type"]) for error in found[:5])


def _place(location: tuple[int | str, ...], kind: str) -> str:
    """Return the attribute of ours that is wrong, or the rule where there is none: what lies deeper may be the sender's
    own text, a key of a map say."""
    return kind if kind == "extra_forbidden" or not location else str(location[0])
