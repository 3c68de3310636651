"""Retention: deletes what nobody needs any more, in small statements, while this process leads."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Final, NoReturn

import structlog

from services.chassis.clock import Clock
from services.chassis.errors import RetryableError
from services.chassis.postgres import Pool, translated
from services.chassis.sql_files import load_sql
from services.relay import metrics
from services.relay.settings import Retention

SQL: Final = load_sql(Path(__file__).parent / "sql" / "retention.sql")

log = structlog.get_logger()


async def retire(pool: Pool, clock: Clock, retention: Retention) -> dict[str, int]:
    """Delete all rows whose time is over; return how many of each kind. Raises RetryableError."""
    retired = {}
    for kind, kept in _kept(retention).items():
        if kept is not None:
            retired[kind] = await _retire(pool, kind, clock, kept, retention.chunk_rows)
    return retired


def _kept(retention: Retention) -> dict[str, timedelta | None]:
    return {
        "ledger": _days(retention.ledger_days),
        "requests": _days(retention.attempts_days),
        "attempts": _days(retention.attempts_days),
        "mails": _days(retention.mails_days),
        "decisions": _days(retention.decisions_days),
        "dead_letters": _days(retention.dead_letters_days),
        "ended_letters": _days(retention.ended_letters_days),
        "form_nonces": _days(1),
        "held_submissions": _days(retention.held_submissions_days),
        "spam_windows": timedelta(seconds=retention.spam_windows_s),
    }


def _days(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


async def run(pool: Pool, clock: Clock, retention: Retention) -> NoReturn:
    """Retire now and in every interval; one that fails is left to the next."""
    while True:
        try:
            log.info("retention_done", retired=await retire(pool, clock, retention))
        except RetryableError as exc:
            log.warning("retention_interrupted", reason=exc.reason)
        await asyncio.sleep(retention.interval_s)


async def _retire(pool: Pool, kind: str, clock: Clock, kept: timedelta, chunk_rows: int) -> int:
    before, total, deleted = clock.now() - kept, 0, chunk_rows
    while deleted == chunk_rows:
        with translated():
            status = await pool.execute(SQL[kind], before, chunk_rows)
        deleted = int(status.split()[-1])  # "DELETE 12"
        total += deleted
        metrics.RETIRED.labels(kind).inc(deleted)
    return total
