"""Starts processes again when they end, as a supervisor does: killed ones, and those that end themselves to start clean."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess

_LOOK_S: Final = 0.2
_PAUSE_S: Final = 1.0
READY_DEADLINE_S: Final = 45.0


class Keeper:
    """Watches processes by name. `ended` has the exit codes met so far; `fail` the failpoints that a next run is armed with."""

    def __init__(self, processes: Mapping[str, ServiceProcess]) -> None:
        self._processes = processes
        self.ended: dict[str, list[int | None]] = {name: [] for name in processes}
        self.fail: dict[str, str] = {}
        self._held: set[str] = set()

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[None]:
        """Leave a process alone inside the body, ended or not."""
        self._held.add(name)
        try:
            yield
        finally:
            self._held.discard(name)

    async def run(self) -> None:
        """Keep all of them running, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name in self._processes:
                group.create_task(self._keep(name))

    async def ready(self, *names: str) -> None:
        """Return when these, or all, are ready. Raises AssertionError that says who is not, and why, after 45 s."""
        for name in names or self._processes:
            process = self._processes[name]

            async def is_ready(process: ServiceProcess = process) -> bool:
                return process.running and await process.not_ready() is None

            try:
                await eventually(is_ready, READY_DEADLINE_S, poll_s=0.1)
            except AssertionError:
                why = await process.not_ready() if process.running else "it does not run"
                raise AssertionError(f"{name} is not ready after {READY_DEADLINE_S:.0f} s: {why}") from None

    async def _keep(self, name: str) -> None:
        process = self._processes[name]
        while True:
            if process.running or name in self._held:
                await asyncio.sleep(_LOOK_S)
                continue
            self.ended[name].append(process.exit_code)
            await process.start(wait_ready=False, fail=self.fail.pop(name, ""))
            await asyncio.sleep(_PAUSE_S)  # one that ends at once is not started in a rush


@asynccontextmanager
async def kept(processes: Mapping[str, ServiceProcess]) -> AsyncIterator[Keeper]:
    """Keep the processes running inside the body."""
    keeper = Keeper(processes)
    task = asyncio.ensure_future(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.wait([task])
