"""How records are read. What becomes of them is shown in tests/integration/executors."""

from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.executors.registry import executors
from services.executors.runtime.entries import Entry, Record, Refusal, Unreadable, condemned, read

SCORE = executors()["score"]


def _document(**changes: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "id": str(uuid4()),
        "uid": str(uuid4()),
        "action_id": "act",
        "action_name": "An action",
        "asset_id": "asset",
        "version": 3,
        "prospect_id": str(uuid4()),
        "type": "adjust_score",
        "params": {"op": "add", "amount": 5},
        "order": 7,
        "recordedtime": "2026-01-31T10:00:00.000000Z",
        **changes,
    }


def _read(value: Any) -> Entry | Unreadable:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    return read(Record("topic", 0, 1, None, raw), SCORE, 10_000)


def test_a_command_is_read_with_its_operands() -> None:
    entry = _read(_document(something="new"))
    assert isinstance(entry, Entry)
    assert (entry.refusal, entry.command.order) == (None, 7)
    assert entry.operands == {"op": "add", "amount": 5, "min": None, "max": None, "limit": 2**31 - 1}


@pytest.mark.parametrize(
    ("changes", "reason", "error"),
    [
        ({"type": "send_fax"}, "unknown_type", "a type that the executor score does not carry out"),
        ({"type": "add_tags"}, "unknown_type", "a type that the executor score does not carry out"),
        ({"schema": 2}, "unknown_schema", "a command of a schema that this version does not read"),
        ({"params": {"op": "add", "amount": "s3cret"}}, "permanent", "wrong parameters: amount"),
        ({"params": {"op": "add", "amount": 1, "s3cret": 1}}, "permanent", "wrong parameters: extra_forbidden"),
    ],
)
def test_a_command_that_cannot_be_carried_out_is_still_somebodys(
    changes: dict[str, Any], reason: str, error: str
) -> None:
    entry = _read(_document(**changes))
    assert isinstance(entry, Entry)
    assert entry.refusal == Refusal(reason, error)  # type: ignore[arg-type]  # a parameter is any text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"order": -1}, "order"),
        ({"order": 2**63}, "order"),
        ({"prospect_id": "anon:1"}, "prospect_id"),
        ({"recordedtime": "2026-01-31T10:00:00"}, "recordedtime"),
        ({"action_id": "nul\x00"}, "action_id"),
        ({"type": "x" * 65}, "type"),
        ({"params": None, "uid": None}, "uid, params"),
        ({"after": {"s3cret\x00": "hold"}}, "after"),
        ({"after": {str(uuid4()): "s3cret"}}, "after"),
    ],
)
def test_a_command_without_an_identity_is_nobodys(changes: dict[str, Any], error: str) -> None:
    entry = _read(_document(**changes))
    assert isinstance(entry, Unreadable)
    assert entry.refusal == Refusal("malformed", f"missing or wrong: {error}")


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.floats(allow_nan=False)
        | st.text(st.characters(codec="utf-8")),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*_document()]) | st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=12
            )
        ),
    )
)
def test_nothing_that_stands_in_a_record_raises(value: Any) -> None:
    entry = _read(value)
    assert entry.refusal is not None


@given(st.sampled_from([*_document()]), st.none() | st.integers() | st.text(st.characters(codec="utf-8")) | st.just({}))
def test_no_single_wrong_attribute_raises(name: str, value: Any) -> None:
    if isinstance(value, int) and abs(value) >= 2**63:
        value = str(value)
    assert isinstance(_read(_document(**{name: value})), Entry | Unreadable)


def test_what_fails_alone_is_settled_as_dead_and_failing_so_too_keeps_its_bytes() -> None:
    entry = _read(_document())
    assert isinstance(entry, Entry)
    first = Refusal("permanent", "refused")
    dead = condemned(entry, first)
    assert dead == Entry(entry.record, entry.command, entry.operands, first)
    assert isinstance(dead, Entry)
    assert condemned(dead, Refusal("permanent", "again")) == Unreadable(entry.record, Refusal("permanent", "again"))
