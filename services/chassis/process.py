"""The life of a service process: start, long-running parts, orderly stop, and the end when anything fails.

    async def main(process: Process, settings: RelaySettings) -> None:
        async with postgres.pool(settings.postgres, application_name="relay") as pool, process.parts() as parts:
            process.ready_when("database", lambda: postgres.unreachable(pool))
            parts.start("outbox", outbox.run(pool))

    if __name__ == "__main__":
        run(main, load(RelaySettings))

`process.parts()` lasts until SIGTERM or SIGINT; then its parts end, the last started first, and the contexts around it
close. A part that fails or ends by itself ends the process with code 70: the supervisor starts a clean one.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn, TypeVar

import structlog
import uvloop

from services.chassis import failpoints, logs
from services.chassis.clock import Clock, clock_of
from services.chassis.ops_server import Check, OpsServer
from services.chassis.settings import ServiceSettings, Stop, effective

EXIT_FAILED: Final = 70
"""EX_SOFTWARE of sysexits.h."""
_GC_THRESHOLDS: Final = (50_000, 20, 100)
"""How many more containers are made than freed between two looks at the young ones, and how often the older ones are."""

S = TypeVar("S", bound=ServiceSettings)
log = structlog.get_logger()


class Parts:
    """The long-running parts of a process, in the order in which they started."""

    def __init__(self, group: asyncio.TaskGroup, stop: Stop, stopping: asyncio.Event) -> None:
        self._group, self._stop, self._stopping = group, stop, stopping
        self._tasks: list[tuple[asyncio.Task[None], bool]] = []

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a part that may be cancelled at any await when the process stops."""
        self._tasks.append((self._group.create_task(self._watch(name, work), name=name), False))

    def start_draining(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a part that ends its work in hand once `process.stopping` is set; cancelled when the grace is over."""
        self._tasks.append((self._group.create_task(self._watch(name, work), name=name), True))

    async def _watch(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        await work
        if not self._stopping.is_set():
            raise RuntimeError(f"the part {name} ended by itself")

    async def end(self) -> None:
        """End the parts, the last started first: what feeds others starts after them. Those that drain have been told
        already; nothing that started before one is cancelled until it has drained. All share one grace."""
        grace_over = asyncio.get_running_loop().time() + self._stop.grace_s
        for task, drains in reversed(self._tasks):
            if drains:
                left_s = grace_over - asyncio.get_running_loop().time()
                await asyncio.wait([task], timeout=max(left_s, 0.0))
            task.cancel()
            await asyncio.wait([task], timeout=self._stop.cancel_s)


class Process:
    """What a service's main is given: its clock, its readiness, and when to stop."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.clock: Clock = clock_of(settings.clock)
        self.stopping = asyncio.Event()
        self.ops = OpsServer(settings.ops)
        self._stop = settings.stop
        self._start = asyncio.current_task()

    def ready_when(self, name: str, check: Check) -> None:
        """Add a check to `/readyz`: None when ready, else the reason."""
        self.ops.ready_when(name, check)

    @asynccontextmanager
    async def parts(self) -> AsyncIterator[Parts]:
        """Let parts be started in the body; then the process counts as started, until it is told to stop."""
        async with asyncio.TaskGroup() as group:
            parts = Parts(group, self._stop, self.stopping)
            yield parts
            self._start = None
            _settle_heap()
            self.ops.started = True
            log.info("process_started", ops_port=self.ops.port)
            await self.stopping.wait()
            await parts.end()

    def request_stop(self, name: str) -> None:
        """Begin the orderly stop; asked a second time, or not over in time, end at once. A start is not waited for."""
        if self.stopping.is_set():
            fail_stop(f"{name} while stopping")
        log.info("process_stopping", because=name)
        self.ops.started = False
        self.stopping.set()
        if self._start is not None:
            self._start.cancel()
        patience_s = self._stop.grace_s + 2 * self._stop.cancel_s
        asyncio.get_running_loop().call_later(patience_s, fail_stop, "the orderly stop took too long")


def _settle_heap() -> None:
    """Tell the garbage collector what stays, so that it is not looked through again, and that work makes hardly any cycles.

    With the defaults of Python 3.11 a busy process spends a quarter of its time on looking through young objects that are
    merely in use. Reference counting frees all but cycles at once, as before.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def fail_stop(reason: str) -> NoReturn:
    """End the process now, from any thread: nothing is acknowledged, committed or flushed any more. One line says why."""
    line = json.dumps({"event": "fail_stop", "level": "critical", "reason": reason})
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{line}\n".encode())
    os._exit(EXIT_FAILED)


def run(main: Callable[[Process, S], Awaitable[None]], settings: S) -> NoReturn:
    """Run a service until it is told to stop (exit code 0) or fails (70)."""
    logs.configure(settings.log, service=settings.name)
    log.info("settings_in_force", settings=effective(settings), failpoints=failpoints.armed())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        raise SystemExit(runner.run(_live(main, settings)))


async def _live(main: Callable[[Process, S], Awaitable[None]], settings: S) -> int:
    process = Process(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.request_stop, number.name)
    try:
        async with process.ops.serving():
            await main(process, settings)
    except asyncio.CancelledError:
        if not process.stopping.is_set():
            raise
        log.info("process_stopped", while_starting=True)
        return 0
    except Exception:  # the one place: whatever it was, this process is over
        log.critical("process_failed", exc_info=True)
        return EXIT_FAILED
    log.info("process_stopped")
    return 0
