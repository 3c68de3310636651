"""Commands as the evaluator makes them, and a prospect's row to carry them out on, without a broker."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
from pydantic import SecretStr

from core.values import Values, from_document
from services.chassis import postgres
from services.chassis.clock import SystemClock
from services.chassis.postgres import Pool
from services.chassis.settings import Postgres
from services.executors.adapters.records import PostgresRecords
from services.executors.executor import Executor
from services.executors.registry import executors
from services.executors.runtime.entries import Record
from services.executors.runtime.pipeline import Pipeline
from services.executors.runtime.settlement import settle
from services.executors.settings import Executors

QUICK = Executors(retry_first_s=0.01, retry_max_s=0.05)
IMPATIENT = Postgres(lock_timeout_s=0.3, statement_timeout_s=2.0)

_offsets = count()


def command(prospect_id: UUID, action_type: str, params: Mapping[str, Any], order: int, **other: Any) -> dict[str, Any]:
    """Return a command's document, with ids drawn unless given."""
    return {
        "schema": 1,
        "id": str(uuid4()),
        "uid": str(uuid4()),
        "action_id": "act-1",
        "action_name": "An action",
        "asset_id": "asset-1",
        "version": 1,
        "prospect_id": str(prospect_id),
        "type": action_type,
        "params": params,
        "order": order,
        "depth": 0,
        "recordedtime": datetime.now(UTC).isoformat(),
    } | other


def record(document: Any, replay_of: UUID | None = None, topic: str = "finish.commands.test.v1") -> Record:
    """Return a record with this value, at an offset of its own. Bytes and None stay as they are."""
    value = document if document is None or isinstance(document, bytes) else orjson.dumps(document)
    return Record(topic, 0, next(_offsets), b"key", value, replay_of)


class Bench:
    """One executor's pipeline over a database of the test's own."""

    def __init__(self, name: str, pool: Pool, pipeline: Pipeline[Any], executor: Executor | None = None) -> None:
        self.name, self.pool, self.pipeline = name, pool, pipeline
        self.executor: Executor = executor or executors()[name]

    async def settle(self, documents: Iterable[Any]) -> None:
        """Let the pipeline settle the documents as one batch."""
        await self.settle_records([record(document) for document in documents])

    async def settle_records(self, records: Iterable[Record]) -> None:
        """Let the pipeline settle these records as one batch."""
        await self.pipeline.settle(self.pipeline.read(records))

    async def settle_raw(self, value: bytes, key: bytes) -> None:
        """Let the pipeline settle a record with this key."""
        await self.settle_records([record(value)._replace(key=key)])

    async def prospect(self, **columns: Any) -> UUID:
        """Insert a prospect and return its id."""
        prospect_id = uuid4()
        names = ", ".join(["id", *columns])
        places = ", ".join(f"${place}" for place in range(1, len(columns) + 2))
        await self.pool.execute(f"INSERT INTO prospects ({names}) VALUES ({places})", prospect_id, *columns.values())
        return prospect_id

    async def values(self, prospect_id: UUID) -> Values:
        """Return what the row holds, as a snapshot tells it."""
        text = await self.pool.fetchval("SELECT prospect_values(p) FROM prospects p WHERE id = $1", prospect_id)
        return from_document(text)

    async def mark(self, prospect_id: UUID) -> int:
        """Return this executor's mark."""
        found = await self.pool.fetchval(f"SELECT applied_{self.name} FROM prospects WHERE id = $1", prospect_id)
        return int(found)

    async def snapshots(self, prospect_id: UUID) -> list[dict[str, Any]]:
        """Return the data of the snapshots that this row's writes made, oldest first."""
        rows = await self.pool.fetch("SELECT payload FROM outbox WHERE aggregateid = $1 ORDER BY seq", str(prospect_id))
        return [row["payload"]["data"] for row in rows]

    async def ledger(self) -> dict[str, tuple[str, str | None]]:
        """Return how every command stands: id -> (state, reason)."""
        rows = await self.pool.fetch("SELECT command_id, state, reason FROM command_ledger")
        return {str(row["command_id"]): (row["state"], row["reason"]) for row in rows}

    async def dead_letters(self) -> list[asyncpg.Record]:
        """Return the dead letters in the order of their records."""
        return await self.pool.fetch('SELECT * FROM dead_letters ORDER BY "offset"')

    async def ask(self, letter_id: UUID) -> None:
        """Ask for the replay of a dead letter, as the console does."""
        await self.pool.execute("UPDATE dead_letters SET replayed_at = now() WHERE id = $1", letter_id)


@asynccontextmanager
async def bench_of(name: str, database_url: str, limits: Executors = QUICK) -> AsyncIterator[Bench]:
    """Open a bench for one executor."""
    settings = IMPATIENT.model_copy(update={"url": SecretStr(database_url)})
    async with postgres.pool(settings, application_name="executors-test") as pool:
        await pool.execute(
            "INSERT INTO users (id, name, email) SELECT u, u, u FROM unnest($1::text[]) u ON CONFLICT DO NOTHING",
            ["ann", "bob", "cid"],
        )
        executor = executors()[name]
        records = PostgresRecords(pool, name, acquire_timeout_s=2.0, value_max_bytes=limits.record_max_bytes)
        yield Bench(name, pool, Pipeline(executor, records, settle, SystemClock(), limits))
