"""Lanes: one per destination, so that what is slow or dead there delays nothing elsewhere."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from aiolimiter import AsyncLimiter

from services.executors.core.breaker import Breaker
from services.executors.settings import Lanes as Limits


@dataclass(slots=True)
class Lane:
    """How much is under way to one destination, and how much more may be."""

    concurrency_max: int
    breaker: Breaker
    limiter: AsyncLimiter
    in_flight: int = 0
    used_at_s: float = field(default=0.0)

    def room(self, now_s: float) -> int:
        """Return how many more attempts may begin now."""
        room = self.concurrency_max - self.in_flight
        if (let_through := self.breaker.room(self.in_flight, now_s)) is not None:
            room = min(room, let_through)
        while room > 0 and not self.limiter.has_capacity(room):
            room -= 1
        return room


class Lanes:
    """The lanes of one executor. Those that were not used for long are forgotten, unless their breaker is open."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lanes: dict[str, Lane] = {}
        self.in_flight = 0

    def rooms(self, destinations: Iterable[str]) -> dict[str, int]:
        """Return how many attempts may begin at each of these, those without any left out.

        What is free over all is shared out in turns, so that one destination with a long queue does not take it all.
        """
        now_s = _now_s()
        wanted = {name: room for name in destinations if (room := self._lane(name, now_s).room(now_s)) > 0}
        free = min(self._limits.in_flight_max - self.in_flight, self._limits.taken_max)
        rooms = dict.fromkeys(wanted, 0)
        while free > 0 and wanted:
            share = max(free // len(wanted), 1)
            for name in list(wanted):
                given = min(share, wanted[name], free)
                rooms[name] += given
                free -= given
                wanted[name] -= given
                if not wanted[name]:
                    del wanted[name]
        return {name: room for name, room in rooms.items() if room}

    async def begin(self, destination: str) -> None:
        """Count an attempt that begins. There is room for it."""
        lane = self._lane(destination, _now_s())
        lane.in_flight += 1
        self.in_flight += 1
        await lane.limiter.acquire()

    def end(self, destination: str, *, well: bool) -> None:
        """Count the end of an attempt. `well`: the other side works, whatever it thinks of the request."""
        lane = self._lane(destination, _now_s())
        lane.in_flight -= 1
        self.in_flight -= 1
        lane.breaker.ended(well=well, now_s=_now_s())

    def open(self) -> int:
        """Return how many destinations are left alone because they fail."""
        return sum(not lane.breaker.is_closed for lane in self._lanes.values())

    def _lane(self, name: str, now_s: float) -> Lane:
        if name not in self._lanes:
            self._forget(now_s)
            limits = self._limits
            limiter = AsyncLimiter(max(limits.rate_per_s, 1.0), max(1.0, 1.0 / limits.rate_per_s))
            self._lanes[name] = Lane(
                limits.concurrency, Breaker(limits.breaker_failures, limits.breaker_open_s), limiter
            )
        lane = self._lanes[name]
        lane.used_at_s = now_s
        return lane

    def _forget(self, now_s: float) -> None:
        if len(self._lanes) < self._limits.lanes_kept:
            return
        for name, lane in list(self._lanes.items()):
            idle_s = now_s - lane.used_at_s
            if not lane.in_flight and idle_s > 2 * self._limits.breaker_open_s:
                del self._lanes[name]


def _now_s() -> float:
    return asyncio.get_running_loop().time()
