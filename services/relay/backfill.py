"""Backfill: puts a snapshot of every record that exists, or was erased, into the outbox, for a database older than its log.

Each record gets its next version, so that no snapshot already in the log is newer. It may run at any time, again too.
"""

from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from services.chassis import postgres
from services.chassis.clock import Clock
from services.chassis.postgres import Pool, translated
from services.chassis.process import Process
from services.chassis.sql_files import load_sql
from services.relay.settings import RelaySettings

SQL: Final = load_sql(Path(__file__).parent / "sql" / "backfill.sql")
_BEFORE_ALL: Final = UUID(int=0)

log = structlog.get_logger()


async def backfill(pool: Pool, clock: Clock, *, chunk_rows: int) -> int:
    """Enqueue a snapshot of every prospect and return how many there are. Raises RetryableError."""
    total = 0
    for statement in ("chunk", "erased_chunk"):
        last = _BEFORE_ALL
        while ids := await _chunk(pool, clock, statement, last, chunk_rows):
            last, total = max(ids), total + len(ids)
            log.info("backfill_enqueued", prospects=total)
    return total


async def _chunk(pool: Pool, clock: Clock, statement: str, after: UUID, rows: int) -> list[UUID]:
    with translated():
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["name_writer"], clock.now().isoformat())
            return [row["id"] for row in await connection.fetch(SQL[statement], after, rows)]


async def run(process: Process, settings: RelaySettings) -> None:
    """Backfill and end."""
    async with postgres.pool(settings.postgres, application_name="finish-backfill") as pool:
        total = await backfill(pool, process.clock, chunk_rows=settings.relay.backfill_chunk_rows)
    log.info("backfill_done", prospects=total)
