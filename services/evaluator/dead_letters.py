"""A record of the log that cannot be carried out, as a dead letter. The same record gives the same bytes, however often."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import orjson
from aiokafka import ConsumerRecord

from core.records import Refused
from schemas.dead_letters import DeadLetter
from schemas.identity import position_id

VALUE_MAX_BYTES: Final = 512 * 1024
KEY_MAX_BYTES: Final = 1024
_PROSPECT_ID_MAX: Final = 64


def dead_letter(record: ConsumerRecord, topic: str, refused: Refused) -> bytes:
    """Write the dead letter of a record of `topic` (its name without a prefix). The broker's time of the record is its
    only time: an evaluation has none."""
    moment = datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC)
    letter = DeadLetter(
        id=UUID(position_id(topic, record.partition, record.offset)),
        reason=refused.reason,
        error=refused.error,
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        key=_encoded(record.key, KEY_MAX_BYTES),
        value=_encoded(record.value, VALUE_MAX_BYTES),
        uid=_uuid(refused.uid or _stated_uid(record.value)),
        prospect_id=_prospect_id(record.key),
        first_time=moment,
        last_time=moment,
    )
    return letter.model_dump_json(by_alias=True).encode()


def key_of(record: ConsumerRecord) -> bytes | None:
    """Return the key under which the dead letter travels: the record's, cut."""
    key: bytes | None = record.key
    return key if key is None else key[:KEY_MAX_BYTES]


def _encoded(content: bytes | None, max_bytes: int) -> bytes | None:
    return None if content is None else b64encode(content[:max_bytes])


def _stated_uid(value: bytes | None) -> str | None:
    """Return which interaction the record says it is, so that whoever asks for it learns that it is dead."""
    try:
        document = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    uid = document.get("uid") if isinstance(document, dict) else None
    return uid if isinstance(uid, str) else None


def _uuid(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None


def _prospect_id(key: bytes | None) -> str | None:
    try:
        text = "" if key is None else key.decode()
    except UnicodeDecodeError:
        return None
    return text if 0 < len(text) <= _PROSPECT_ID_MAX else None
