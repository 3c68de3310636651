"""A record of the log that cannot be carried out, as a dead letter, and the end of one whose replay could. The same record
gives the same bytes, however often."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Final

from aiokafka import ConsumerRecord

from core.records import Refused, json_object
from schemas.dead_letters import DeadLetter, DeadLetterSettled, letter_id, replay_of, stated_prospect, stated_uid

VALUE_MAX_BYTES: Final = 512 * 1024
KEY_MAX_BYTES: Final = 1024


def dead_letter(record: ConsumerRecord, topic: str, refused: Refused) -> bytes:
    """Write the dead letter of a record of `topic` (its name without a prefix). The broker's time of the record is its
    only time: an evaluation has none. Of an erased prospect it says what was wrong, without the bytes."""
    moment = datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC)
    letter = DeadLetter(
        id=letter_id(topic, record.partition, record.offset, replay_of(record.headers)),
        reason=refused.reason,
        error=refused.error,
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        key=None if refused.withheld else _encoded(record.key, KEY_MAX_BYTES),
        value=None if refused.withheld else _encoded(record.value, VALUE_MAX_BYTES),
        cut=len(record.key or b"") > KEY_MAX_BYTES or len(record.value or b"") > VALUE_MAX_BYTES,
        uid=stated_uid(refused.uid or _uid_in(record.value)),
        prospect_id=stated_prospect(record.key),
        first_time=moment,
        last_time=moment,
    )
    return letter.model_dump_json(by_alias=True).encode()


def settled(record: ConsumerRecord) -> bytes | None:
    """Write that the dead letter which this record is the replay of ends; None: it is no replay."""
    replayed = replay_of(record.headers)
    return None if replayed is None else DeadLetterSettled(id=replayed).model_dump_json(by_alias=True).encode()


def key_of(record: ConsumerRecord) -> bytes | None:
    """Return the key under which the dead letter travels: the record's, cut."""
    key: bytes | None = record.key
    return key if key is None else key[:KEY_MAX_BYTES]


def _encoded(content: bytes | None, max_bytes: int) -> bytes | None:
    return None if content is None else b64encode(content[:max_bytes])


def _uid_in(value: bytes | None) -> object:
    """Return which interaction the record says it is, so that whoever asks for it learns that it is dead."""
    try:
        return json_object(value).get("uid")
    except Refused:
        return None
