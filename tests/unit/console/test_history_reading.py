from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from schemas.dead_letters import DeadLetter
from schemas.identity import position_id
from schemas.topics import DEAD_LETTERS, DECISIONS, INTERACTIONS
from services.console.history.reading import Accepted, Decided, read

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
AT = "2026-01-31T11:59:59.123456Z"
PROSPECT = str(uuid4())


@dataclass(frozen=True)
class Record:
    value: bytes | None
    partition: int = 3
    offset: int = 42
    key: bytes | None = b"key"
    headers: tuple[tuple[str, bytes], ...] = ()


def interaction(**changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "dataschema": "urn:finish:interaction:1",
        "id": "1",
        "source": "shop",
        "type": "redirect_link.clicked",
        "subject": "pricing",
        "time": AT,
        "uid": str(uuid4()),
        "prospectid": PROSPECT,
        "actionlistversion": 1,
        "prospectlistversion": 0,
        "recordedtime": AT,
        "data": {},
        **changes,
    }


def decision(**changes: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "step_version": 1,
        "uid": str(uuid4()),
        "prospect_id": PROSPECT,
        "type": "redirect_link.clicked",
        "asset_id": "pricing",
        "version": 1,
        "id": "1",
        "source": "shop",
        "time": AT,
        "recordedtime": AT,
        "order": 7,
        "reasons": {"2": "frequency"},
        **changes,
    }


def dead_letter(**changes: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "id": str(uuid4()),
        "reason": "backlog",
        "error": "too many",
        "topic": INTERACTIONS,
        "partition": 1,
        "offset": 5,
        "value": "AAH/",
        "first_time": AT,
        "last_time": AT,
        **changes,
    }


def row_of(topic: str, value: Any) -> Any:
    raw = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
    return read(topic, Record(raw), NOW, 1000)


def test_an_interaction_is_accepted_at_its_place_in_the_log() -> None:
    event = interaction()
    row = row_of(INTERACTIONS, event)
    assert isinstance(row, Accepted)
    assert (row.uid, row.prospect_id, row.asset_id) == (event["uid"], PROSPECT, "pricing")
    assert row.position == (42 << 14) + 1
    assert row.recordedtime == datetime(2026, 1, 31, 11, 59, 59, 123456, tzinfo=UTC)


def test_a_snapshot_is_skipped() -> None:
    snapshot = {
        "dataschema": "urn:finish:snapshot:1",
        "type": "prospect.snapshot",
        "prospectid": PROSPECT,
        "recordedtime": AT,
        "prospectlistversion": 0,
        "data": {"version": 1, "values": {}, "marks": {}, "change": None},
    }
    assert row_of(INTERACTIONS, snapshot) is None


def test_a_decision_keeps_its_document() -> None:
    document = decision()
    row = row_of(DECISIONS, document)
    assert isinstance(row, Decided)
    assert row.document == document
    assert row.decision.reasons == {2: "frequency"}


def test_a_dead_letter_keeps_its_bytes() -> None:
    row = row_of(DEAD_LETTERS, dead_letter())
    assert isinstance(row, DeadLetter)
    assert row.value == b"\x00\x01\xff"


@pytest.mark.parametrize(
    ("topic", "value", "reason"),
    [
        (INTERACTIONS, None, "malformed"),
        (INTERACTIONS, b"{", "malformed"),
        (INTERACTIONS, b"[]", "malformed"),
        (INTERACTIONS, interaction(type="redirect_link.teleported"), "unknown_type"),
        (INTERACTIONS, interaction(dataschema="urn:finish:interaction:9"), "unknown_schema"),
        (INTERACTIONS, interaction(data="x" * 600_000), "oversize"),
        (DECISIONS, None, "malformed"),
        (DECISIONS, b"\xff\xfe", "malformed"),
        (DECISIONS, b"null", "malformed"),
        (DECISIONS, decision(schema=2), "unknown_schema"),
        (DECISIONS, decision(uid="no uuid"), "malformed"),
        (DEAD_LETTERS, None, "malformed"),
        (DEAD_LETTERS, b"x", "malformed"),
        (DEAD_LETTERS, dead_letter(schema=2), "unknown_schema"),
        (DEAD_LETTERS, dead_letter(reason="bored"), "malformed"),
        (DEAD_LETTERS, dead_letter(value=7), "malformed"),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_of_its_place(topic: str, value: Any, reason: str) -> None:
    row = row_of(topic, value)
    assert isinstance(row, DeadLetter)
    assert row.reason == reason
    assert row.id == UUID(position_id(topic, 3, 42))
    assert (row.topic, row.partition, row.offset, row.key) == (topic, 3, 42, b"key")
    assert (row.first_time, row.last_time) == (NOW, NOW)


def test_a_dead_letter_of_its_own_is_cut() -> None:
    row = row_of(DECISIONS, b"x" * 5000)
    assert isinstance(row, DeadLetter)
    assert row.value is not None
    assert len(row.value) == 1000


def test_a_dead_letter_names_the_interaction_when_it_can_be_told() -> None:
    event = interaction(recordedtime="yesterday")
    assert row_of(INTERACTIONS, event).uid == UUID(event["uid"])
    assert row_of(INTERACTIONS, interaction(uid="?")).uid is None


@pytest.mark.parametrize(("key", "prospect"), [(b"anon:1", "anon:1"), (None, None), (b"a\0b", None), (b"x" * 65, None)])
def test_a_dead_letter_names_the_prospect_when_its_key_can_be_one(key: bytes | None, prospect: str | None) -> None:
    row = read(DECISIONS, Record(b"{", key=key), NOW, 1000)
    assert isinstance(row, DeadLetter)
    assert row.prospect_id == prospect
