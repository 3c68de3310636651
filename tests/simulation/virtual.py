"""An event loop whose time passes only when nobody has anything to do: minutes take milliseconds, and nothing depends on the
machine."""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

T = TypeVar("T")
START: Final = datetime(2026, 11, 23, 10, tzinfo=UTC)


class StuckError(Exception):
    """Everybody waits for somebody else, for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """One for each schedule. It has no threads and no sockets: what runs on it is as deterministic as its input."""

    _now = 0.0
    _ready: Any
    _scheduled: Any
    _clock_resolution: float

    def time(self) -> float:
        """Return the seconds that have passed."""
        return self._now

    def _run_once(self) -> None:
        """Call what is ready, as the loop that this one replaces does, in the same order; but ask no selector, for there is none to
        answer, and let time pass to the next timer when nobody is ready."""
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not ready:
            if not scheduled:
                raise StuckError("everybody waits, and no time is set")
            self._now = max(self._now, scheduled[0]._when)
        due = self._now + self._clock_resolution
        while scheduled and scheduled[0]._when < due:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()


class VirtualClock:
    """The clock of the processes on it."""

    def now(self) -> datetime:
        """Return the time of day."""
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return asyncio.get_running_loop().time()


def text(moment: datetime) -> str:
    """Write an instant as the services do."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


async def until(condition: Callable[[], bool], poll_s: float = 0.1) -> None:
    """Return once it holds. On this loop looking again costs nothing."""
    while not condition():  # noqa: ASYNC110 - whoever makes it true knows nothing of who waits
        await asyncio.sleep(poll_s)


def _finish(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


async def at_most(waiting: asyncio.Future[None], most_s: float) -> None:
    """Wait for somebody to set the result, or so long."""
    timer = asyncio.get_running_loop().call_later(most_s, _finish, waiting)
    try:
        await waiting
    finally:
        timer.cancel()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        if left := asyncio.all_tasks(loop):
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.wait(left))
        loop.close()
