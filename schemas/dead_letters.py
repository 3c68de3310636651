"""Dead letters: what could not be carried out, with its bytes and the reason, until replayed or deleted."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pydantic import Base64Bytes, Field

from schemas.contract import SCHEMA_VERSION, Contract
from schemas.outcomes import DeadReason

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
    """A record of `finish.dead-letters.v1`. `id` is computed from topic, partition and offset, so repeats collide."""

    schema_: Literal[1] = Field(default=SCHEMA_VERSION, alias="schema")
    id: UUID
    reason: DeadReason
    error: str
    """What is wrong with it, in words; never the payload."""
    topic: str
    partition: int
    offset: int
    key: Base64Bytes | None = None
    value: Base64Bytes | None = None
    """Cut at 512 KiB."""
    executor: str | None = None
    uid: UUID | None = None
    prospect_id: str | None = None
    command_id: UUID | None = None
    attempts: int = 1
    first_time: datetime
    last_time: datetime
