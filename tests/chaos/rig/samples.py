"""Memory, descriptors, lag and rows over time, of every process and server of a stage."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import psutil
from aiokafka.errors import KafkaError

from tests.chaos.rig.stage import Stage, broker_names
from tests.support.drain import lags

_EVERY_S: Final = 2.0
_TIMEOUT_S: Final = 10.0
_MIB: Final = 1024 * 1024
_AWAY: Final = (KafkaError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
_ROWS: Final = (
    "SELECT relname AS name, pg_total_relation_size(relid) AS bytes FROM pg_stat_user_tables WHERE relname = ANY($1)"
)
TABLES: Final = (
    "prospects",
    "decisions",
    "command_ledger",
    "outbox",
    "deliveries",
    "delivery_attempts",
    "dead_letters",
)

Series = dict[str, list[tuple[float, float]]]
"""By name: seconds since the start, and the value then."""


@dataclass
class Samples:
    """What was seen. Memory in MiB, table sizes in MiB."""

    memory: Series = field(default_factory=dict)
    descriptors: Series = field(default_factory=dict)
    lag: Series = field(default_factory=dict)
    tables: Series = field(default_factory=dict)

    async def follow(self, stage: Stage) -> None:
        """Look again and again, until cancelled. What does not answer is left out."""
        began = time.monotonic()
        while True:
            at = time.monotonic() - began
            self._processes(stage, at)
            with suppress(*_AWAY):
                async with asyncio.timeout(_TIMEOUT_S):
                    for group, records in (await lags(stage.kafka)).items():
                        _note(self.lag, group, at, records)
            with suppress(*_AWAY):
                async with asyncio.timeout(_TIMEOUT_S):
                    await self._tables(stage, at)
            await asyncio.sleep(_EVERY_S)

    def _processes(self, stage: Stage, at: float) -> None:
        pids = {name: process.pid for name, process in stage.processes.items() if process.running}
        pids |= {"database": stage.database.child.pid}
        names = broker_names(len(stage.brokers))
        pids |= {name: broker.child.pid for name, broker in zip(names, stage.brokers, strict=True)}
        for name, pid in pids.items():
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                _note(self.memory, name, at, _memory(process) / _MIB)
                _note(self.descriptors, name, at, process.num_fds())

    async def _tables(self, stage: Stage, at: float) -> None:
        connection = await asyncpg.connect(stage.database_url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
        try:
            rows = await connection.fetch(_ROWS, list(TABLES))
        finally:
            await connection.close(timeout=_TIMEOUT_S)
        for row in rows:
            _note(self.tables, row["name"], at, row["bytes"] / _MIB)


@asynccontextmanager
async def sampled(stage: Stage) -> AsyncIterator[Samples]:
    """Sample inside the body."""
    samples = Samples()
    task = asyncio.ensure_future(samples.follow(stage))
    try:
        yield samples
    finally:
        task.cancel()
        await asyncio.wait([task])


def _memory(process: psutil.Process) -> int:
    """Return what is the process's own, of a database server all its backends': shared memory counts once."""
    if process.name() != "postgres":
        return int(process.memory_info().rss)
    each = [process.memory_info(), *(child.memory_info() for child in process.children())]
    return int(sum(info.rss - info.shared for info in each) + max(info.shared for info in each))


def _note(series: Series, name: str, at: float, value: float) -> None:
    series.setdefault(name, []).append((at, value))
