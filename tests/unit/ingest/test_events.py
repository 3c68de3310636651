from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import orjson
import pytest

from schemas.interactions import PostedEvent
from services.ingest.identity import Address, Identifier, record_key
from services.ingest.judging import broken_rules
from services.ingest.posted import Posted
from services.ingest.settings import Ingest
from services.ingest.stamping import Stamp, instant

NOW = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC)


class Known:
    """Assets and versions without a log."""

    def asset(self, asset_id: str) -> Mapping[str, Any] | None:
        return {"id": asset_id, "kind": "redirect_link", "status": "active"} if asset_id == "link" else None

    def newest(self, asset_id: str) -> int:
        return {"link": 3, "prospect": 2}.get(asset_id, 0)


def posted(**changes: Any) -> Posted:
    document = {
        "specversion": "1.0", "id": "e", "source": "shop", "type": "redirect_link.clicked", "subject": "link",
        "time": NOW.isoformat(), **changes,
    }  # fmt: skip
    event = PostedEvent.model_validate(document)
    return Posted("/4", event, document.get("data") or {}, record_key(event))


@pytest.mark.parametrize(
    "text", ["a@b", "ada+tag@sub.example.com", "ü@exämple.com", "o'hara@example.com", "x" * 64 + "@example.com"]
)
def test_an_address_has_one_at_sign_between_two_parts(text: str) -> None:
    assert Address(text).well_formed


@pytest.mark.parametrize(
    "text", ["a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\r\nBcc: c@d", "<a@b>", "a@b\x7f", "x" * 65 + "@example.com"]
)
def test_what_could_not_be_an_address_or_could_end_a_header_is_none(text: str) -> None:
    assert not Address(text).well_formed


def test_addresses_are_compared_without_case_and_in_one_normal_form() -> None:
    assert Address("ADA@Example.com").key == Address("ada@example.com").key
    assert Address("e\u0301@x").key == Address("\u00c9@X").key


def test_an_id_says_more_than_an_address_and_an_address_more_than_a_browsers_mark() -> None:
    prospect = uuid4()
    address = {"data": {"email": " a@b "}}
    assert record_key(posted(prospectid=str(prospect), anonymousid="m", **address).event) == str(prospect)
    assert record_key(posted(anonymousid="m", **address).event) == Address("a@b")
    assert record_key(posted(anonymousid="m").event) == Identifier("anonymous", "m")
    assert record_key(posted(data={"email": " "}).event) is None


@pytest.mark.parametrize(
    ("delta", "believed"),
    [
        (timedelta(days=-366), True),
        (timedelta(days=-366, microseconds=-1), False),
        (timedelta(days=1), True),
        (timedelta(days=1, microseconds=1), False),
    ],
)
def test_a_time_is_believed_for_a_year_back_and_a_day_ahead(delta: timedelta, believed: bool) -> None:
    item = posted(time=(NOW + delta).isoformat(), anonymousid="m")
    pointers = [error.pointer for error in broken_rules([item], Known(), NOW, Ingest())]
    assert pointers == ([] if believed else ["/4/time"])


def test_all_broken_rules_of_all_items_are_told_with_their_places() -> None:
    items = [posted(subject="nothing", time="2020-01-01T00:00:00Z"), posted(type="form.submitted", anonymousid="m")]
    pointers = [error.pointer for error in broken_rules(items, Known(), NOW, Ingest())]
    assert pointers == ["/4/subject", "/4/prospectid", "/4/time", "/4/type"]


def test_an_interaction_has_its_attributes_in_one_order_and_its_data_as_it_came() -> None:
    data = {"z": 1, "ip": "203.0.113.7", "email": "A@b"}
    record = Stamp(Known(), NOW).posted(posted(prospectid=str(uuid4()), data=data), "key")
    assert record.key == "key"
    assert list(orjson.loads(record.value)) == [
        "specversion", "dataschema", "id", "source", "type", "subject", "time", "uid", "prospectid",
        "actionlistversion", "prospectlistversion", "recordedtime", "data",
    ]  # fmt: skip
    assert list(record.document["data"].items()) == list(data.items())


def test_instants_are_written_in_utc_with_microseconds() -> None:
    assert instant(NOW) == "2026-01-31T12:00:00.000005Z"
    assert instant(datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-31T10:00:00.000000Z"
