"""Another writer of prospects' records, by plain SQL: what it wrote stands once, whatever its connections met."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg

T = TypeVar("T")

_AGAIN_S: Final = 0.2
_TIMEOUT_S: Final = 5.0
_DRIVER_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class RecordWriter:
    """Writes and looks until the database has answered. Every write may be repeated without harm."""

    def __init__(self, database_url: str) -> None:
        self._url, self._one_by_one = database_url, asyncio.Lock()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def create(self, prospect_id: str, email: str, score: int) -> None:
        """Create a prospect, and return when its snapshot is in the log."""
        await self._patiently(
            lambda db: db.execute(
                "INSERT INTO prospects (id, email, score) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                prospect_id,
                email,
                score,
            )
        )
        await self._published(prospect_id)

    async def change(self, prospect_id: str, field: str, value: str) -> int:
        """Set a field of a record that nobody else is changing; return its version then, when it is in the log."""
        before = await self._patiently(
            lambda db: db.fetchval("SELECT version FROM prospects WHERE id = $1", prospect_id)
        )
        await self._patiently(
            lambda db: db.execute(
                "UPDATE prospects SET fields = fields || $3::jsonb WHERE id = $1 AND version = $2",
                prospect_id,
                before,
                json.dumps({field: value}),
            )
        )
        await self._published(prospect_id)
        return int(before) + 1

    async def settled(self, command_ids: set[str]) -> None:
        """Return when all these commands have come to their end."""
        count = "SELECT count(*) FROM command_ledger WHERE command_id = ANY($1::uuid[])"
        await self._until(lambda db: db.fetchval(count, list(command_ids)), len(command_ids))

    async def decided(self, uid: str) -> int:
        """Return the version by which an interaction was decided, as soon as it is."""
        query = "SELECT coalesce(max((document->>'version')::integer), 0) FROM decisions WHERE uid = $1"
        while True:
            if version := await self._patiently(lambda db: db.fetchval(query, uid)):
                return int(version)
            await asyncio.sleep(_AGAIN_S)

    async def _published(self, prospect_id: str) -> None:
        waiting = "SELECT count(*) FROM outbox WHERE aggregateid = $1"
        await self._until(lambda db: db.fetchval(waiting, prospect_id), 0)

    async def _until(
        self, query: "Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[int]]", wanted: int
    ) -> None:
        while True:
            if await self._patiently(query) == wanted:
                return
            await asyncio.sleep(_AGAIN_S)

    def close(self) -> None:
        """Give the connection up; the next statement opens another one."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _patiently(self, work: "Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[T]]") -> T:
        while True:
            async with self._one_by_one:
                try:
                    if self._connection is None:
                        self._connection = await asyncpg.connect(
                            self._url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S
                        )
                    return await work(self._connection)
                except _DRIVER_ERRORS:
                    self.close()
            await asyncio.sleep(_AGAIN_S)
