"""Time is an argument: whoever needs it is given a `Clock`.

The calendar (`now`) can be moved by tests; `monotonic` is always the machine's, so time-outs and durations stay real.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter

from services.chassis.settings import ClockSource

_OFFSET = TypeAdapter(timedelta)


class Clock(Protocol):
    """The calendar and a stop-watch."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for durations within this process."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the system's time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's uptime."""
        return time.monotonic()


class FileClock(SystemClock):
    """The calendar of tests, moved by rewriting a file (write beside it and rename, so that no reader sees half).

    The file holds one of: nothing, or it is absent (the system's time); an ISO 8601 instant with zone,
    `2026-01-31T12:00:00Z` (time stands still there); a signed ISO 8601 duration, `+PT300S`, `-P1D` (the system's time,
    moved by it, going on). It is read at each call: a change holds for the next `now`. Other content: ValueError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        """Return the time that the file makes of the system's."""
        try:
            text = self._path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            text = ""
        if not text:
            return super().now()
        if text[0] in "+-":
            return super().now() + _OFFSET.validate_python(text)
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise ValueError("the clock file's instant has no zone")
        return instant.astimezone(UTC)


def clock_of(settings: ClockSource) -> Clock:
    """Return the clock that the settings name."""
    return SystemClock() if settings.file is None else FileClock(settings.file)
