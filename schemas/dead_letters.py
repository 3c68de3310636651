"""Dead letters: what could not be carried out, with its bytes and the reason, until replayed or deleted.

A replay puts the record back into its topic as it was, with the letter's id in the header `finish-replay`. Whoever reads
it keeps that id: failing again it is the same letter, and one that is carried out ends it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pydantic import Base64Bytes, Field

from schemas.contract import SCHEMA_VERSION, Contract
from schemas.identity import position_id
from schemas.outcomes import DeadReason

REPLAY_HEADER: Final = "finish-replay"
_PROSPECT_ID_MAX: Final = 64


def stated_uid(text: object) -> UUID | None:
    """Return the uid that a record states, None when what stands there is none."""
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def stated_prospect(key: bytes | None) -> str | None:
    """Return whose record it is by its key, None when that can be no prospect's: an id is short and printable ASCII."""
    text = (key or b"")[: _PROSPECT_ID_MAX + 1].decode("ascii", errors="replace")
    return text if 0 < len(text) <= _PROSPECT_ID_MAX and text.isascii() and text.isprintable() else None


class DeadLetter(Contract):
    """A record of `finish.dead-letters.v1`. `id` is computed from topic, partition and offset of the record's first death,
    so repeats collide; `topic`, `partition` and `offset` are those of the newest one.
    """

    schema_: Literal[1] = Field(default=SCHEMA_VERSION, alias="schema")
    id: UUID
    reason: DeadReason
    error: str
    """What is wrong with it, in words; never the payload."""
    topic: str
    partition: int
    offset: int
    key: Base64Bytes | None = None
    """Cut at 1 KiB."""
    value: Base64Bytes | None = None
    """Cut at 512 KiB."""
    cut: bool = False
    """Key or value are not all there: it cannot be replayed."""
    executor: str | None = None
    uid: UUID | None = None
    prospect_id: str | None = None
    command_id: UUID | None = None
    attempts: int = 1
    first_time: datetime
    last_time: datetime


class DeadLetterSettled(Contract):
    """Another record of `finish.dead-letters.v1`: the replay of this letter was carried out, and the letter ends."""

    schema_: Literal[1] = Field(default=SCHEMA_VERSION, alias="schema")
    record: Literal["settled"] = "settled"
    id: UUID


def replay_of(headers: Iterable[tuple[str, bytes]]) -> UUID | None:
    """Return which dead letter a record is the replay of, or None."""
    for name, value in headers:
        if name == REPLAY_HEADER:
            try:
                return UUID(value.decode())
            except ValueError:
                return None
    return None


def letter_id(topic: str, partition: int, offset: int, replayed: UUID | None) -> UUID:
    """Identify the dead letter of a record of `topic` (its name without a prefix), a replay by the letter that it was."""
    return replayed or UUID(position_id(topic, partition, offset))
