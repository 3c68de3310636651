"""An end for what is waited for in vain. All have the same time, so they end in the order in which they came, and one timer
does for any number of them: a timer for each costs more than all the rest of most waits."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any


class Patience:
    """Calls `end` with each watched future that is not done after `seconds`."""

    def __init__(self, seconds: float, end: Callable[[asyncio.Future[Any]], None]) -> None:
        self._seconds, self._end = seconds, end
        self._watched: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, future: asyncio.Future[Any]) -> None:
        """Let a future have its time from now on."""
        loop, watched = future.get_loop(), self._watched
        while watched and watched[0][1].done():
            watched.popleft()
        until = loop.time() + self._seconds
        watched.append((until, future))
        if self._timer is None:
            self._timer = loop.call_at(until, self._look)

    def _look(self) -> None:
        loop, watched = asyncio.get_running_loop(), self._watched
        while watched and (watched[0][1].done() or watched[0][0] <= loop.time()):
            _, future = watched.popleft()
            if not future.done():
                self._end(future)
        self._timer = loop.call_at(watched[0][0], self._look) if watched else None
