"""Events of options and of lines: gaps are filled, sizes kept, nothing guessed."""

from datetime import datetime
from typing import Any

import pytest

from deploy.errors import DeployError
from schemas.interactions import BATCH_MAX_BYTES, BATCH_MAX_EVENTS, SIZE_MAX_BYTES, PostedEvent
from services.cli.events import Item, Refusal, batches, complete, data_of, item_of, read_lines


def items(*sizes: int) -> list[Item | Refusal]:
    return [Item(line, {"id": str(line)}, size) for line, size in enumerate(sizes, 1)]


def sizes(given: list[Item | Refusal]) -> list[int]:
    return [len(batch) for batch in batches(given)]


def test_an_event_with_a_type_and_an_asset_is_completed_to_one_that_the_contract_knows() -> None:
    event = complete({"type": "redirect_link.clicked", "subject": "offer", "source": "test"})
    posted = PostedEvent.model_validate(event)
    assert (posted.subject, posted.time.tzinfo is not None) == ("offer", True)


def test_two_events_without_an_id_are_two_interactions() -> None:
    assert complete({})["id"] != complete({})["id"]


def test_what_is_said_is_not_replaced() -> None:
    said = {"id": "one", "time": "2026-01-31T12:00:00Z", "specversion": "1.0", "extra": 1}
    assert complete(said) == said


def test_the_time_is_the_present_with_its_zone() -> None:
    assert datetime.fromisoformat(complete({})["time"]).utcoffset() is not None


def test_lines_say_what_they_say_and_options_fill_their_gaps() -> None:
    gaps = {"type": "redirect_link.clicked", "source": "option"}
    (first, second) = read_lines([b'{"id": "a", "source": "line"}\n', b"\n", b'{"id": "b"}'], gaps)
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert (first.line, first.event["source"], first.event["type"]) == (1, "line", "redirect_link.clicked")
    assert (second.line, second.event["source"]) == (3, "option")


@pytest.mark.parametrize("line", [b"{", b"[]", b"1", b"\xff\xfe", b'{"id": NaN}'])
def test_a_line_that_is_no_object_is_refused_by_its_number(line: bytes) -> None:
    assert list(read_lines([b"\n", line], {})) == [Refusal(2, None, (("", "is not a JSON object"),))]


def test_an_event_that_no_batch_takes_is_refused_here() -> None:
    refusal = item_of(4, {"id": "large", "data": {"text": "x" * SIZE_MAX_BYTES}})
    assert refusal == Refusal(4, "large", (("", f"is larger than {SIZE_MAX_BYTES} bytes"),))


def test_batches_hold_no_more_events_than_ingest_takes() -> None:
    assert sizes(items(*[1] * (2 * BATCH_MAX_EVENTS + 1))) == [BATCH_MAX_EVENTS, BATCH_MAX_EVENTS, 1]


def test_batches_hold_no_more_bytes_than_ingest_takes() -> None:
    half = BATCH_MAX_BYTES // 2
    assert sizes(items(half - 2, half, half, half)) == [2, 1, 1]


def test_nothing_makes_no_batch() -> None:
    assert sizes([]) == []


@pytest.mark.parametrize(
    ("pairs", "data"),
    [
        ([], {}),
        (["ip=203.0.113.7", "url=https://example.com/?a=b"], {"ip": "203.0.113.7", "url": "https://example.com/?a=b"}),
        (["message_id=12", "score:=12", "on:=true"], {"message_id": "12", "score": 12, "on": True}),
        (["form.city=Bonn", "form.n:=[1]"], {"form": {"city": "Bonn", "n": [1]}}),
        (["empty="], {"empty": ""}),
    ],
)
def test_data_is_text_unless_it_is_said_to_be_json(pairs: list[str], data: dict[str, Any]) -> None:
    assert data_of(pairs) == data


@pytest.mark.parametrize("pair", ["ip", "=x", ":=1", "score:=twelve", "score:="])
def test_data_that_cannot_be_read_is_refused_without_its_value(pair: str) -> None:
    with pytest.raises(DeployError, match=r"^--data ") as refusal:
        data_of([pair])
    assert "twelve" not in str(refusal.value)
