"""What each record of the three topics becomes: a row, nothing, or, when it cannot be read, a dead letter of its own.

A record that is the replay of a dead letter keeps that letter's id; one of a topic that only history reads ends it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from pydantic import ValidationError

from core.commands import order
from core.records import Interaction, Refused, decode, json_object
from schemas.contract import SCHEMA_VERSION
from schemas.dead_letters import DeadLetter, DeadLetterSettled, letter_id, replay_of, stated_prospect, stated_uid
from schemas.decisions import Decision
from schemas.outcomes import DeadReason
from schemas.topics import DEAD_LETTERS, DECISIONS, INTERACTIONS


class LogRecord(Protocol):
    """A record as the Kafka client gives it."""

    @property
    def partition(self) -> int: ...  # noqa: D102 - a record's parts are Kafka's words
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Accepted:
    """An interaction that is in the log, with its place there."""

    uid: str
    prospect_id: str
    asset_id: str
    type: str
    recordedtime: datetime
    position: int


@dataclass(frozen=True, slots=True)
class Decided:
    """An interaction's decision."""

    decision: Decision
    document: dict[str, Any]


HistoryRow = Accepted | Decided | DeadLetter | DeadLetterSettled


def read(topic: str, record: LogRecord, now: datetime, value_max_bytes: int) -> HistoryRow | None:
    """Return what the record of this topic (its name without prefix) becomes; None: a snapshot."""
    try:
        return _READERS[topic](record)
    except Refused as refused:
        return poison(topic, record, refused.reason, refused.error, now, value_max_bytes, uid=refused.uid)


def ended(topic: str, record: LogRecord, row: HistoryRow | None) -> DeadLetterSettled | None:
    """Return that a replay ends its dead letter: it could be read, and of this topic nobody else judges it."""
    replayed = replay_of(record.headers)
    if replayed is None or topic == INTERACTIONS or (isinstance(row, DeadLetter) and row.id == replayed):
        return None
    return DeadLetterSettled(id=replayed)


def poison(
    topic: str,
    record: LogRecord,
    reason: DeadReason,
    error: str,
    now: datetime,
    value_max_bytes: int,
    *,
    uid: str | None = None,
) -> DeadLetter:
    """Return the dead letter of a record that history itself could not store. A poison interaction has the id that the
    evaluator's dead letter of it has, so that it is kept once."""
    return DeadLetter.model_construct(
        id=letter_id(topic, record.partition, record.offset, replay_of(record.headers)),
        reason=reason,
        error=error,
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value and record.value[:value_max_bytes],
        cut=len(record.value or b"") > value_max_bytes,
        executor=None,
        uid=stated_uid(uid),
        prospect_id=stated_prospect(record.key),
        command_id=None,
        attempts=1,
        first_time=now,
        last_time=now,
    )


def _interaction(record: LogRecord) -> Accepted | None:
    found = decode(record.value)
    if not isinstance(found, Interaction):
        return None
    return Accepted(
        uid=found.uid,
        prospect_id=found.prospect_id,
        asset_id=found.subject,
        type=found.type,
        recordedtime=datetime.fromisoformat(found.recordedtime),
        position=order(0, record.offset, 0),
    )


def _decision(record: LogRecord) -> Decided:
    document = _object(record.value)
    try:
        return Decided(Decision.model_validate(document), document)
    except ValidationError:
        raise Refused("malformed", "not a decision") from None


def _dead_letter(record: LogRecord) -> DeadLetter | DeadLetterSettled:
    document = _object(record.value)
    try:
        if document.get("record") == "settled":
            return DeadLetterSettled.model_validate(document)
        return DeadLetter.model_validate(document)
    except ValidationError:
        raise Refused("malformed", "not a dead letter") from None


def _object(value: bytes | None) -> dict[str, Any]:
    document = json_object(value)
    if document.get("schema") != SCHEMA_VERSION:
        raise Refused("unknown_schema", "of a schema that this version does not read")
    return document


_READERS: Final[dict[str, Callable[[LogRecord], HistoryRow | None]]] = {
    INTERACTIONS: _interaction,
    DECISIONS: _decision,
    DEAD_LETTERS: _dead_letter,
}
TOPICS: Final = tuple(_READERS)
"""What history reads."""
