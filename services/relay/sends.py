"""Sends of a list e-mail to a list: a command for each member, put into the outbox in chunks while this process leads.

A chunk and the place that it leaves are one transaction, so whoever goes on sends to nobody twice and leaves nobody out.
"""

import asyncio
from pathlib import Path
from typing import Final, NoReturn

import structlog

from services.chassis.clock import Clock
from services.chassis.errors import RetryableError
from services.chassis.failpoints import failpoint
from services.chassis.postgres import Pool, translated
from services.chassis.sql_files import load_sql
from services.relay.settings import Sends

SQL: Final = load_sql(Path(__file__).parent / "sql" / "sends.sql")

log = structlog.get_logger()


async def queue_next(pool: Pool, clock: Clock, chunk_rows: int) -> int | None:
    """Queue the next chunk; return how many mails that is, None when nothing is to be sent. Raises RetryableError."""
    with translated():
        async with pool.acquire() as connection, connection.transaction():
            queued: int | None = await connection.fetchval(SQL["next"], chunk_rows, clock.now())
            failpoint("relay.before-sends-queued")
    failpoint("relay.after-sends-queued")
    return queued


async def run(pool: Pool, clock: Clock, sends: Sends) -> NoReturn:
    """Queue a chunk in every interval: what else is in the outbox is not kept waiting by a large list."""
    while True:
        try:
            if (queued := await queue_next(pool, clock, sends.chunk_rows)) is not None:
                log.info("sends_queued", count=queued)
        except RetryableError as exc:
            log.warning("sends_interrupted", reason=exc.reason)
        await asyncio.sleep(sends.interval_s)
