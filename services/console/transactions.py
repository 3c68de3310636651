"""Transactions on the database, with the driver's errors translated and the writer's name for the record's trigger."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from services.chassis.clock import Clock
from services.chassis.postgres import Connection, Pool, translated
from services.chassis.sql_files import load_sql

SQL: Final = load_sql(Path(__file__).parent / "sql" / "transactions.sql")

Row = asyncpg.Record


@dataclass(frozen=True, slots=True)
class Database:
    """The pool and the calendar. Raises RetryableError while the database is away."""

    pool: Pool
    clock: Clock
    acquire_timeout_s: float = 5.0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Open a transaction; an error in the body rolls it back."""
        with translated():
            async with self.pool.acquire(timeout=self.acquire_timeout_s) as connection, connection.transaction():
                yield connection

    @asynccontextmanager
    async def record_change(self, writer: str) -> AsyncIterator[Connection]:
        """Open a transaction whose changes of prospects are `writer`'s, at this process's time."""
        async with self.transaction() as tx:
            await tx.execute(SQL["name_writer"], writer, self.clock.now().isoformat())
            yield tx

    async def rows(self, sql: str, *arguments: Any) -> list[Row]:
        """Run one statement of its own and return its rows."""
        with translated():
            async with self.pool.acquire(timeout=self.acquire_timeout_s) as connection:
                return await connection.fetch(sql, *arguments)

    async def row(self, sql: str, *arguments: Any) -> Row | None:
        """Run one statement of its own and return its first row."""
        rows = await self.rows(sql, *arguments)
        return rows[0] if rows else None
