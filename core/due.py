"""When a task is due: from the interaction's acceptance, or from a date of the record."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.contract import duration_s

_DAY_S: Final = 86_400
_SATURDAY: Final = 5


def is_zone(name: str) -> bool:
    """Say whether there is a time zone of that name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return True


def due(params: Mapping[str, Any], recorded: datetime, fields: Mapping[str, Any]) -> datetime | None:
    """Return the instant in UTC; None when the record has no such date.

    `params` are those of `schemas.commands.tasks.CreateCrmTaskParams`, `fields` the record's. Whole days lead to the hour of
    that day in the zone, anything shorter to an instant. Weekends roll forward for business days only.
    """
    zone = ZoneInfo(params.get("zone", "UTC"))
    hour = time.fromisoformat(params.get("hour", "09:00"))
    rule = params["due"]
    match rule:
        case {"at": at}:
            return _instant(at)
        case {"business_days": int() as days}:
            return _at(_business_day(recorded.astimezone(zone).date(), days), hour, zone)
        case {"field": str() as name}:
            return _moved(fields.get(name), duration_s(rule.get("offset", "P0D")), hour, zone)
        case _:
            seconds = duration_s(rule["in"])
            if seconds % _DAY_S:
                return recorded.astimezone(UTC) + timedelta(seconds=seconds)
            return _at(recorded.astimezone(zone).date() + timedelta(seconds=seconds), hour, zone)


def _moved(value: Any, seconds: int, hour: time, zone: ZoneInfo) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        if len(value) == len("2026-01-31"):
            return _at(date.fromisoformat(value), hour, zone) + timedelta(seconds=seconds)
        return _instant(value) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None


def _business_day(day: date, days: int) -> date:
    """Return the working day that many after `day`, whatever day that is; a weekend's day itself rolls forward."""
    while days or day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
        if days and day.weekday() < _SATURDAY:
            days -= 1
    return day


def _at(day: date, hour: time, zone: ZoneInfo) -> datetime:
    """Return that hour of the day; one that a change of clocks leaves out is the one after it."""
    return datetime.combine(day, hour, zone).astimezone(UTC)


def _instant(value: str | datetime) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return moment.astimezone(UTC)
