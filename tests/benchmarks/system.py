"""The services of a measurement, on a place of their own, and a workspace for them to work on."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg
import orjson

from deploy.local.ports import free_port
from schemas.topics import RECORD_EXECUTORS
from tests.benchmarks.stage import Place
from tests.benchmarks.workload import USERS, Workload
from tests.support.deployment import add_key
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess


@dataclass(frozen=True)
class System:
    """Running services by name, the port of ingest, and a key that may do everything."""

    processes: dict[str, ServiceProcess]
    ingest_port: int
    key: str

    def pids(self, *names: str) -> list[int]:
        """Return the pids of these, or of all."""
        return [self.processes[name].pid for name in names or self.processes]


@asynccontextmanager
async def system(place: Place, *names: str, **settings: str) -> AsyncIterator[System]:
    """Run these services with their defaults until the end of the context; `executors` are the six of records."""
    ports = {"FA_INGEST__PORT": str(free_port()), "FA_CONSOLE__PORT": str(free_port())}
    key = await add_key(place.database_url) if "ingest" in names else ""
    processes = {
        name: place.service(name, *(RECORD_EXECUTORS if name == "executors" else ()), **ports, **settings)
        for name in names
    }
    async with AsyncExitStack() as stack:
        for process in processes.values():
            await stack.enter_async_context(process)
        yield System(processes, int(ports["FA_INGEST__PORT"]), key)


async def populate(connection: asyncpg.Connection, workload: Workload) -> None:
    """Insert users and prospects as an import does: each row writes its snapshot into the outbox."""
    await connection.executemany(
        "INSERT INTO users (id, name, email) VALUES ($1, $1, $1) ON CONFLICT DO NOTHING", [(user,) for user in USERS]
    )
    rows = [(id_, workload.values(number)) for number, id_ in enumerate(workload.prospect_ids)]
    async with connection.transaction():
        await connection.execute("SET LOCAL finish.writer = 'import'")
        await connection.execute(_INSERT, *_columns(rows))


_INSERT: Final = """
    INSERT INTO prospects (id, email, score, tags, consent, fields)
    SELECT id, email, score, '{imported}', 'granted', fields
    FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::jsonb[]) AS new (id, email, score, fields)
"""


def _columns(rows: Sequence[tuple[str, dict[str, object]]]) -> list[list[object]]:
    return [
        [id_ for id_, _ in rows],
        [values["email"] for _, values in rows],
        [values["score"] for _, values in rows],
        [orjson.dumps(values["fields"]).decode() for _, values in rows],
    ]


async def relayed(connection: asyncpg.Connection, deadline_s: float) -> None:
    """Wait until the outbox is empty."""

    async def empty() -> bool:
        return bool(await connection.fetchval("SELECT NOT EXISTS (SELECT FROM outbox)"))

    await eventually(empty, deadline_s, poll_s=0.2)
