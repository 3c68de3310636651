"""Transactions in which records change and interactions are put into the outbox behind them.

A record's snapshot and its interactions are rows of the outbox in this order, and the relay publishes them so: there is no
moment in which the record has changed and its interaction does not exist, nor the other way round.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from services.chassis.failpoints import failpoint
from services.chassis.postgres import Connection, Pool, translated
from services.chassis.sql_files import load_sql
from services.ingest.stamping import Stamped

SQL: Final = load_sql(Path(__file__).parent / "sql" / "outbox.sql")


@asynccontextmanager
async def transaction(pool: Pool, *, timeout_s: float) -> AsyncIterator[Connection]:
    """Open a transaction; it is durable when the context has ended. Raises RetryableError."""
    with translated():
        async with asyncio.timeout(timeout_s), pool.acquire() as connection, connection.transaction():
            yield connection
            failpoint("ingest.before-commit")
    failpoint("ingest.after-commit")


async def name_writer(connection: Connection, writer: str, now: datetime) -> None:
    """Say whose the changes of records are from here on, and when they were accepted."""
    await connection.execute(SQL["name_writer"], writer, now.isoformat())


async def enqueue(connection: Connection, interactions: Sequence[Stamped]) -> None:
    """Put interactions into the outbox, in order."""
    await connection.executemany(SQL["enqueue"], [(each.key, each.document) for each in interactions])
