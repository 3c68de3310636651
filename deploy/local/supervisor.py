"""Keep a set of processes running: started in order of readiness, restarted when they end, stopped in reverse.

A child that ends is started again after a pause that doubles up to `_PAUSE_MAX_S`; services end themselves on purpose
when they cannot be sure, so an end is told in one line and mended. One that never becomes ready fails the start.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from deploy.errors import DeployError, refusal
from deploy.local.child import Child, ChildSpec
from deploy.local.leftovers import ProcessList

Tell = Callable[[str, str], None]
"""Shows one line: the name of the child, and what became of it."""

_PAUSE_MIN_S: Final = 0.5
_PAUSE_MAX_S: Final = 15.0
_STEADY_S: Final = 60.0
"""A run this long makes the next pause short again."""
_CRASH_LOOP_RUNS: Final = 5
_START_ATTEMPTS_MAX: Final = 3


class Supervisor:
    """The children of one stack, kept by tasks of a group that must outlive `stop`."""

    def __init__(self, processes: ProcessList, tell: Tell, keepers: asyncio.TaskGroup) -> None:
        self._processes = processes
        self._tell = tell
        self._children: dict[str, Child] = {}
        self._group = keepers
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self, specs: Sequence[ChildSpec]) -> None:
        """Start the children, each when those it comes `after` are ready, and return when all are. Raises DeployError.

        Names in `after` that are not among `specs` are taken for ready.
        """
        ready = {spec.name: asyncio.Event() for spec in specs}
        try:
            async with asyncio.TaskGroup() as group:
                for spec in specs:
                    group.create_task(self._start_one(Child(spec), ready), name=spec.name)
        except ExceptionGroup as failures:
            raise refusal(failures) from None
        self._keepers += [self._group.create_task(self._keep(self._children[spec.name])) for spec in specs]

    async def stop(self) -> None:
        """Stop all children, the last started first."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers.clear()
        for name, child in reversed(self._children.items()):
            if child.started:
                began = time.monotonic()
                await child.stop()
                self._processes.remove(name)
                self._tell(name, f"stopped ({child.exit_text()}, {time.monotonic() - began:.1f} s)")
        self._children.clear()

    def child(self, name: str) -> Child:
        """Return a child by its name, to be looked at or sent a signal."""
        return self._children[name]

    async def _start_one(self, child: Child, ready: dict[str, asyncio.Event]) -> None:
        for name in child.spec.after:
            if name in ready:
                await ready[name].wait()
        self._children[child.spec.name] = child
        began = time.monotonic()
        for attempt in range(1, _START_ATTEMPTS_MAX + 1):
            await self._run(child)
            try:
                await child.wait_ready()
                break
            except DeployError:
                if attempt == _START_ATTEMPTS_MAX or child.running:
                    raise
                await asyncio.sleep(_PAUSE_MIN_S)
        self._tell(child.spec.name, f"ready after {time.monotonic() - began:.1f} s{child.spec.note}")
        ready[child.spec.name].set()

    async def _keep(self, child: Child) -> None:
        name, short_runs, began = child.spec.name, 0, time.monotonic()
        while True:
            await child.wait()
            self._processes.remove(name)
            short_runs = short_runs + 1 if time.monotonic() - began < _STEADY_S else 1
            pause_s = min(_PAUSE_MIN_S * 2.0 ** (short_runs - 1), _PAUSE_MAX_S)
            self._tell(name, f"ended with {child.exit_text()}, starting again in {pause_s:.1f} s")
            if short_runs == _CRASH_LOOP_RUNS:
                self._tell(name, f"keeps ending: {short_runs} short runs, one after another.{child.log_tail()}")
            await asyncio.sleep(pause_s)
            began = time.monotonic()
            await self._run(child)
            with suppress(DeployError):  # not ready in time, or ended again: the loop goes on with either
                await child.wait_ready()
                self._tell(name, "ready again")

    async def _run(self, child: Child) -> None:
        await child.start()
        self._processes.add(child.spec.name, child.pid, child.spec.stop_signal)
