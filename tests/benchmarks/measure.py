"""How far something is and what it cost, sampled while it runs; and what machine it ran on."""

import asyncio
import os
import platform
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

_POLL_S: Final = 0.05
_LIBRARIES: Final = ("aiokafka", "aiohttp", "asyncpg", "faust-streaming", "orjson", "uvloop")
_MIB: Final = 1 << 20


class StalledError(Exception):
    """What is measured stopped before its goal."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What processes have used so far: seconds of CPU, and the memory they hold."""

    at_s: float
    cpu_s: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Span:
    """What happened between two samples."""

    done: int
    seconds: float
    cpu_s: float
    rss_bytes: int

    @property
    def rate(self) -> float:
        """Return how much was done a second."""
        return self.done / self.seconds

    @property
    def cpu_us(self) -> float:
        """Return the CPU that each cost, in microseconds."""
        return self.cpu_s / self.done * 1e6

    @property
    def cores(self) -> float:
        """Return how many cores were busy."""
        return self.cpu_s / self.seconds

    @property
    def rss_mib(self) -> float:
        """Return the memory at the end."""
        return self.rss_bytes / _MIB


def usage(pids: Collection[int]) -> Usage:
    """Return what these processes have used up to now, all of their threads together."""
    cpu_s, rss_bytes = 0.0, 0
    for pid in pids:
        process = psutil.Process(pid)
        times = process.cpu_times()
        cpu_s += times.user + times.system
        rss_bytes += process.memory_info().rss
    return Usage(time.monotonic(), cpu_s, rss_bytes)


def between(first: Usage, last: Usage, done: int) -> Span:
    """Return what happened between two samples."""
    return Span(done, last.at_s - first.at_s, last.cpu_s - first.cpu_s, last.rss_bytes)


async def drained(
    pids: Collection[int],
    count: Callable[[], Awaitable[int]],
    goal: int,
    *,
    stalled_s: float = 30.0,
    poll_s: float = _POLL_S,
) -> Span:
    """Wait until `count` reaches the goal; the span begins with the first sample that shows progress.

    Raises StalledError when there is no progress for `stalled_s`.
    """
    first: tuple[Usage, int] | None = None
    done, progressed_s = 0, time.monotonic()
    while True:
        found, now = await count(), usage(pids)
        if found > done:
            done, progressed_s = found, now.at_s
            first = first or (now, found)
        if first is not None and done >= goal:
            return between(first[0], now, done - first[1])
        if now.at_s - progressed_s > stalled_s:
            raise StalledError(f"{done} of {goal}, and nothing for {stalled_s} s")
        await asyncio.sleep(poll_s)


async def over(pids: Collection[int], seconds: float, done: int) -> Span:
    """Return what processes use during a time in which `done` things happen to them."""
    first = usage(pids)
    await asyncio.sleep(seconds)
    return between(first, usage(pids), done)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of all lie."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def machine() -> dict[str, Any]:
    """Describe where this runs, and how busy it was at the start."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "load_before": round(os.getloadavg()[0], 2),
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
