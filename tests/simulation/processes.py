"""A process that can be killed, or held for a while, at every boundary to something outside of it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from random import Random
from typing import Final

from tests.simulation.virtual import VirtualClock

LIFE: Final[ContextVar["Life"]] = ContextVar("life")
"""Whose task this is."""
Main = Callable[["Life"], Awaitable[None]]
_LATENCIES_S: Final = (0.0, 0.0, 0.0, 0.001, 0.001, 0.001, 0.003, 0.003, 0.02, 0.4)
_STARTS_S: Final = (0.05, 0.3, 1.0)


class Gone(asyncio.CancelledError):
    """This process was killed: whatever it still tries to do outside of itself does not happen."""


class Process:
    """Runs `main`, anew whenever it has ended, as a supervisor does. `deaths` counts the ends by themselves."""

    def __init__(self, name: str, main: Main, random: Random) -> None:
        self.name, self._main, self._random = name, main, random
        self._life = 0
        self._going = asyncio.Event()
        self._going.set()
        self._task: asyncio.Task[None] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.deaths: list[str] = []
        self.ahead = timedelta()
        """Its clock is wrong by so much."""

    @property
    def held(self) -> bool:
        """Whether it is suspended now."""
        return not self._going.is_set()

    def start(self) -> None:
        """Let it live."""
        self._supervisor = asyncio.ensure_future(self._supervised())

    async def _supervised(self) -> None:
        while True:
            self._task = asyncio.ensure_future(self._lived(Life(self, self._life)))
            await asyncio.wait([self._task])
            if not self._task.cancelled() and (error := self._task.exception()) is not None:
                self.deaths.append(repr(_first(error)))
            self.forget()
            await asyncio.sleep(self._random.choice(_STARTS_S))

    async def _lived(self, life: "Life") -> None:
        LIFE.set(life)
        await self._main(life)

    def forget(self) -> None:
        """Let nothing of the present life reach anybody any more."""
        self._life += 1
        self._going.set()

    def alive(self, life: int) -> bool:
        """Tell whether this life is the present one."""
        return life == self._life

    async def kill(self) -> None:
        """End it here and now: nothing of this life reaches anybody any more."""
        self.forget()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def hold(self) -> None:
        """Suspend it at its next boundary."""
        self._going.clear()

    def release(self) -> None:
        """Let it go on where it was."""
        self._going.set()

    async def boundary(self, life: int) -> None:
        """Pass from inside to outside or back: it takes a moment, and may be the last thing."""
        # The dead draw no lots: nothing that follows may depend on when their tasks notice.
        if self.alive(life) and (latency_s := self._random.choice(_LATENCIES_S)):
            await asyncio.sleep(latency_s)
        while self.held and self.alive(life):
            await self._going.wait()
        if not self.alive(life):
            raise Gone

    async def end(self) -> None:
        """End it and its supervisor."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
        await self.kill()


class Life(VirtualClock):
    """One run of a process, as its parts know it. Its clock is the process's."""

    def __init__(self, process: Process, number: int) -> None:
        self._process, self._number = process, number

    @property
    def held(self) -> bool:
        """Whether it is suspended now."""
        return self._process.held

    def now(self) -> datetime:
        """Return the time of day by the process's clock."""
        return super().now() + self._process.ahead

    @property
    def alive(self) -> bool:
        """Whether it was not killed."""
        return self._process.alive(self._number)

    def end(self) -> None:
        """End it by itself, at once."""
        if self.alive:
            self._process.forget()

    async def boundary(self) -> None:
        """Pass from inside to outside or back. Raises Gone."""
        await self._process.boundary(self._number)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
