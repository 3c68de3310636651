"""Keeps the demo at a steady rate, so that what it shows is how long effects take, not how long a queue is."""

import asyncio
import time


class Pace:
    """So many events a second, shared by all lanes."""

    def __init__(self, events_per_s: float) -> None:
        self._interval_s = 1 / events_per_s
        self._next = time.monotonic()

    async def take(self, count: int) -> None:
        """Wait until it is time for the next `count` events."""
        begins = max(self._next, time.monotonic())
        self._next = begins + count * self._interval_s
        await asyncio.sleep(begins - time.monotonic())
