"""What messages of analytics SDKs are here."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.identity import Address, Identifier
from services.ingest.segment import Ignored, Message, identified, tracked

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TRACK: dict[str, Any] = {
    "messageId": "m-1",
    "event": "Link Clicked",
    "userId": "u-1",
    "anonymousId": "a-1",
    "timestamp": "2026-03-02T11:59:00Z",
    "properties": {"asset_id": "pricing", "plan": "gold"},
    "context": {"ip": "203.0.113.7", "userAgent": "Browser", "page": {"url": "https://shop.example/"}},
}


def track(**changes: Any) -> Any:
    return tracked(Message("track", {**TRACK, **changes}, "segment"), NOW)


def identify(**document: Any) -> Any:
    return identified(Message("identify", document, "segment"))


def test_a_track_is_an_event_of_the_asset_that_it_names() -> None:
    posted = track()
    event = posted.event
    assert (event.id, event.source, event.type, event.subject) == ("m-1", "segment", "redirect_link.clicked", "pricing")
    assert event.time == datetime(2026, 3, 2, 11, 59, tzinfo=UTC)
    assert posted.key == Identifier("external", "u-1")
    assert posted.data == {
        "ip": "203.0.113.7",
        "user_agent": "Browser",
        "url": "https://shop.example/",
        "plan": "gold",
    }


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("FILE Downloaded ", "hosted_file.downloaded"),
        ("Form Submitted", "form.submitted"),
        ("Email Opened", "list_email.opened"),
        ("Email Link Clicked", "list_email.clicked"),
        ("Unsubscribed", "list_email.unsubscribed"),
        ("Email Marked as Spam", "list_email.complained"),
        ("list_email.bounced", "list_email.bounced"),
    ],
)
def test_an_event_goes_by_its_name(name: str, type_: str) -> None:
    assert track(event=name).event.type == type_


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"event": "Order Completed"}, "event"),
        ({"event": None}, "event"),
        ({"event": "prospect.created"}, "form"),
        ({"properties": {}}, "asset"),
        ({"properties": "x"}, "asset"),
        ({"properties": {"asset_id": 5}}, "asset"),
        ({"messageId": None}, "form"),
        ({"messageId": "x" * 300}, "form"),
        ({"properties": {"asset_id": "p", "url": 5}}, "form"),
        ({"properties": {"asset_id": "p", "form": "x"}}, "form"),
    ],
)
def test_what_is_nothing_here_says_why(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Ignored) as ignored:
        track(**changes)
    assert ignored.value.why == why


def test_a_person_is_named_by_id_else_by_address_else_by_a_mark() -> None:
    assert track(userId=None, context={"traits": {"email": " Ada@example.com "}}).key == Address("Ada@example.com")
    assert track(userId=None).key == Identifier("anonymous", "a-1")
    assert track(userId=42).key == Identifier("external", "42")
    assert track(userId=None, anonymousId=None).key is None
    assert track(userId=None, anonymousId=None, properties={"asset_id": "p", "email": "no address"}).key is None


def test_time_is_the_servers() -> None:
    assert track(sentAt="2026-03-02T11:59:30Z").event.time == datetime(2026, 3, 2, 11, 59, 30, tzinfo=UTC)
    assert track(sentAt="never").event.time == datetime(2026, 3, 2, 11, 59, tzinfo=UTC)
    assert track(timestamp=None).event.time == NOW
    assert track(timestamp=5).event.time == NOW


def test_an_identify_tells_traits_as_fields() -> None:
    traits = identify(
        userId="u-1",
        anonymousId="a-1",
        traits={
            "email": "ada@example.com",
            "firstName": "Ada",
            "company": {"name": "Alder", "employees": 5},
            "address": {"city": "Bonn"},
            "vip": True,
            "budget": 12.5,
            "colours": ["Red", 5, None],
            "nothing": None,
        },
    )
    assert traits.external == Identifier("external", "u-1")
    assert traits.anonymous == Identifier("anonymous", "a-1")
    assert traits.address == Address("ada@example.com")
    assert traits.texts == {
        "email": ["ada@example.com"],
        "first_name": ["Ada"],
        "company": ["Alder"],
        "employees": ["5"],
        "city": ["Bonn"],
        "vip": ["true"],
        "budget": ["12.5"],
        "colours": ["Red", "5"],
    }


@pytest.mark.parametrize(
    "document", [{}, {"anonymousId": "a"}, {"userId": ""}, {"userId": "a\nb"}, {"traits": {"email": "x"}}]
)
def test_an_identify_of_nobody_is_nothing(document: dict[str, Any]) -> None:
    with pytest.raises(Ignored):
        identify(**document)
