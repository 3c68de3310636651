"""When marketing waits though it is allowed: at night, and where a prospect has got enough lately."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

_SIBLING: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Restraint:
    """At most `cap` mails within the window, 0 is any number; and none between two times of day, where they are given: an end
    that is not later is the next day's."""

    cap: int = 0
    window_s: int = 86_400
    quiet_from: time | None = None
    quiet_until: time | None = None
    zone: str = "UTC"

    def until(self, now: datetime, details: Mapping[str, Any]) -> datetime | None:
        """Return what to wait for, None for nothing. Of the details `recent` are the starts of other mails to the prospect,
        newest first, and `beside` is how many are begun together with this one: soon it is known what became of them."""
        return self._day(now) or self._free(now, details)

    def _day(self, now: datetime) -> datetime | None:
        start, end = self.quiet_from, self.quiet_until
        if start is None or end is None:
            return None
        local = now.astimezone(ZoneInfo(self.zone))
        at = local.time()
        if start < end:
            inside, days = start <= at < end, 0
        else:
            inside, days = at >= start or at < end, int(at >= start)
        return datetime.combine(local.date() + timedelta(days=days), end, local.tzinfo) if inside else None

    def _free(self, now: datetime, details: Mapping[str, Any]) -> datetime | None:
        if not self.cap:
            return None
        left = self.cap - details["beside"]
        if left <= 0:
            return now + _SIBLING
        if len(details["recent"]) < left:
            return None
        free = datetime.fromisoformat(details["recent"][left - 1]) + timedelta(seconds=self.window_s)
        return free if free > now else None
