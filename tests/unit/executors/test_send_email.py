"""Whether a mail may be sent, and when."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from services.executors.actions.send_email import ACTION, refuse
from services.executors.core.restraint import Restraint
from services.executors.ports import Later, Outcome
from tests.unit.executors.mailing import NOW, situation

CONSENT = Outcome("suppressed", "consent")


@pytest.mark.parametrize(
    ("consent", "marketing", "transactional"),
    [
        ("none", None, None),
        ("granted", None, None),
        ("unsubscribed", CONSENT, None),
        ("bounced", CONSENT, CONSENT),
        ("complained", CONSENT, None),
    ],
)
def test_consent_is_asked_for_each_class(
    consent: str, marketing: Outcome | None, transactional: Outcome | None
) -> None:
    asked = situation({"consent": consent})
    assert refuse({}, asked, NOW, Restraint()) == marketing
    assert refuse({"class": "marketing"}, asked, NOW, Restraint()) == marketing
    assert refuse({"class": "transactional"}, asked, NOW, Restraint()) == transactional


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, None),
        ({"list": "news"}, None),
        ({"list": "other"}, None),
        ({"list": "left"}, CONSENT),
        ({"list": "left", "class": "transactional"}, None),
    ],
)
def test_leaving_a_list_is_leaving_that_list_alone(params: dict[str, Any], expected: Outcome | None) -> None:
    asked = situation({"lists": {"news": "subscribed", "left": "unsubscribed"}})
    assert refuse(params, asked, NOW, Restraint()) == expected


@pytest.mark.parametrize("email", [None, ""])
@pytest.mark.parametrize("mail_class", ["marketing", "transactional"])
def test_without_an_address_there_is_no_recipient(email: str | None, mail_class: str) -> None:
    asked = situation({"email": email})
    assert refuse({"class": mail_class}, asked, NOW, Restraint()) == Outcome("suppressed", "no_recipient")


@pytest.mark.parametrize(
    ("local", "start", "end", "until"),
    [
        ("2026-03-02T23:00", time(21), time(8), "2026-03-03T08:00+01:00"),
        ("2026-03-03T07:59", time(21), time(8), "2026-03-03T08:00+01:00"),
        ("2026-03-03T08:00", time(21), time(8), None),
        ("2026-03-03T20:59", time(21), time(8), None),
        ("2026-03-03T12:30", time(12), time(14), "2026-03-03T14:00+01:00"),
        ("2026-03-03T14:00", time(12), time(14), None),
        ("2026-03-28T23:00", time(21), time(8), "2026-03-29T08:00+02:00"),
    ],
)
def test_marketing_waits_for_the_end_of_quiet_hours(local: str, start: time, end: time, until: str | None) -> None:
    now = datetime.fromisoformat(f"{local}:00+01:00").astimezone(UTC)
    restraint = Restraint(quiet_from=start, quiet_until=end, zone="Europe/Vienna")
    expected = None if until is None else Later(datetime.fromisoformat(until))
    assert refuse({}, situation(), now, restraint) == expected
    assert refuse({"class": "transactional"}, situation(), now, restraint) is None


@pytest.mark.parametrize(
    ("ages_h", "beside", "wait"),
    [
        ([], 0, None),
        ([1], 0, None),
        ([1, 5], 0, timedelta(hours=19)),
        ([1, 24], 0, None),
        ([1, 2, 3], 0, timedelta(hours=22)),
        ([1], 1, timedelta(hours=23)),
        ([], 1, None),
        ([], 2, timedelta(minutes=1)),
    ],
)
def test_marketing_waits_until_it_is_within_the_cap(ages_h: list[int], beside: int, wait: timedelta | None) -> None:
    recent = [(NOW - timedelta(hours=age)).isoformat() for age in ages_h]
    asked, restraint = situation(recent=recent, beside=beside), Restraint(cap=2)
    assert refuse({}, asked, NOW, restraint) == (None if wait is None else Later(NOW + wait))
    assert refuse({"class": "transactional"}, asked, NOW, restraint) is None
    assert refuse({}, asked, NOW, Restraint()) is None


def test_mails_have_one_lane() -> None:
    assert (ACTION.type, ACTION.destination({"template": "x"})) == ("send_email", "mail")
    ACTION.check({"template": "x", "from": "owner"})
    with pytest.raises(ValueError, match="template"):
        ACTION.check({})
