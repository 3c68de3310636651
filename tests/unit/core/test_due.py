"""When a task is due."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from core.due import due, is_zone

WEDNESDAY = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
SATURDAY = datetime(2026, 11, 28, 10, 30, tzinfo=UTC)


def _due(
    rule: dict[str, Any],
    at: datetime = WEDNESDAY,
    fields: Mapping[str, Any] | None = None,
    other: Mapping[str, str] | None = None,
) -> str | None:
    found = due({"due": rule, **(other or {})}, at, fields or {})
    return None if found is None else found.isoformat()


@pytest.mark.parametrize(
    ("rule", "other", "expected"),
    [
        ({"in": "P0D"}, {}, "2026-11-25T09:00:00+00:00"),
        ({"in": "P3D"}, {}, "2026-11-28T09:00:00+00:00"),
        ({"in": "P1W"}, {"hour": "17:45"}, "2026-12-02T17:45:00+00:00"),
        ({"in": "PT2H"}, {"hour": "17:45"}, "2026-11-25T12:30:00+00:00"),
        ({"in": "P1DT1H"}, {}, "2026-11-26T11:30:00+00:00"),
        ({"at": "2027-01-01T12:00:00+02:00"}, {}, "2027-01-01T10:00:00+00:00"),
    ],
)
def test_whole_days_lead_to_the_hour_and_anything_shorter_to_an_instant(
    rule: dict[str, Any], other: dict[str, str], expected: str
) -> None:
    assert _due(rule, other=other) == expected


@pytest.mark.parametrize(
    ("at", "days", "expected"),
    [
        (WEDNESDAY, 0, "2026-11-25"),
        (WEDNESDAY, 2, "2026-11-27"),
        (WEDNESDAY, 3, "2026-11-30"),
        (WEDNESDAY, 8, "2026-12-07"),
        (SATURDAY, 0, "2026-11-30"),
        (SATURDAY, 1, "2026-11-30"),
        (SATURDAY, 2, "2026-12-01"),
    ],
)
def test_working_days_are_counted_and_a_weekend_rolls_forward(at: datetime, days: int, expected: str) -> None:
    assert (_due({"business_days": days}, at) or "")[:10] == expected


def test_the_day_and_the_hour_are_those_of_the_zone() -> None:
    late = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    assert _due({"in": "P1D"}, late, other={"zone": "Asia/Tokyo"}) == "2026-11-27T00:00:00+00:00"
    assert (
        _due({"in": "P1D"}, datetime(2026, 10, 24, 8, tzinfo=UTC), other={"zone": "Europe/Vienna"})
        == "2026-10-25T08:00:00+00:00"
    )
    assert (
        _due({"in": "P0D"}, datetime(2026, 10, 24, 8, tzinfo=UTC), other={"zone": "Europe/Vienna"})
        == "2026-10-24T07:00:00+00:00"
    )


@pytest.mark.parametrize(
    ("value", "offset", "expected"),
    [
        ("2026-12-24", "P0D", "2026-12-24T09:00:00+00:00"),
        ("2026-12-24", "-P7D", "2026-12-17T09:00:00+00:00"),
        ("2026-12-24T18:00:00Z", "-PT1H", "2026-12-24T17:00:00+00:00"),
        ("2026-02-30", "P0D", None),
        ("2026-12-24T18:00:00", "P0D", None),
        ("soon", "P0D", None),
        (7, "P0D", None),
        (None, "P0D", None),
    ],
)
def test_a_date_of_the_record_is_moved_and_what_is_none_gives_none(
    value: Any, offset: str, expected: str | None
) -> None:
    assert _due({"field": "renewal", "offset": offset}, fields={"renewal": value}) == expected


@pytest.mark.parametrize(
    ("name", "known"), [("UTC", True), ("Europe/Vienna", True), ("Mars/Phobos", False), ("../etc", False)]
)
def test_a_zone_is_known_by_its_name(name: str, known: bool) -> None:
    assert is_zone(name) == known
