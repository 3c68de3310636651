"""Writes a batch of history's rows in one transaction. Rows go in by id, so that two writers never wait for each other
in a circle."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from core.limits import DEFAULT
from schemas.dead_letters import DeadLetter, DeadLetterSettled
from services.chassis.postgres import Connection
from services.chassis.sql_files import load_sql
from services.console.history.reading import Accepted, Decided, HistoryRow
from services.console.metrics import DEAD_LETTERS
from services.console.transactions import Database

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "history.sql")
_REPEATED_WITHIN: Final = timedelta(milliseconds=DEFAULT.uids_kept_ms)
_DEAD: Final = (
    "id",
    "reason",
    "error",
    "topic",
    "partition",
    "offset",
    "key",
    "value",
    "executor",
    "uid",
    "prospect_id",
    "command_id",
    "attempts",
    "first_time",
    "last_time",
    "cut",
)


async def store(database: Database, rows: Sequence[HistoryRow]) -> None:
    """Store all or nothing. Raises RetryableError, or PermanentError when a row can never be stored."""
    async with database.transaction() as tx:
        if accepted := _as_new([_accepted(row) for row in rows if isinstance(row, Accepted)]):
            await tx.execute(SQL["accepted"], *_columns(accepted), _REPEATED_WITHIN)
        if decided := _as_new([_decided(row) for row in rows if isinstance(row, Decided)]):
            await tx.execute(SQL["decided"], *_columns(decided), database.clock.now(), _REPEATED_WITHIN)
        dead = [row for row in rows if isinstance(row, DeadLetter)]
        stored = await _dead(tx, dead) if dead else []
        if settled := sorted({row.id for row in rows if isinstance(row, DeadLetterSettled)}):
            await tx.execute(SQL["settled"], settled)
    for reason in stored:
        DEAD_LETTERS.labels(reason).inc()


async def _dead(tx: Connection, letters: Sequence[DeadLetter]) -> list[str]:
    newest = {letter.id: letter for letter in letters}.values()  # a replay that failed stands behind what it replays
    columns = _columns([tuple(getattr(letter, name) for name in _DEAD) for letter in newest])
    return [row["reason"] for row in await tx.fetch(SQL["dead"], *columns)]


def _accepted(row: Accepted) -> tuple[Any, ...]:
    return (row.uid, row.prospect_id, row.asset_id, row.type, row.recordedtime, row.position)


def _decided(row: Decided) -> tuple[Any, ...]:
    decision = row.decision
    place = (decision.prospect_id, decision.asset_id, decision.type, decision.recordedtime, decision.order)
    return (str(decision.uid), *place, row.document)


def _as_new(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Leave out repeats: keep each id as it was accepted first, or when it was no repeat any more."""
    kept: dict[str, tuple[Any, ...]] = {}
    for row in rows:
        before = kept.setdefault(row[0], row)
        if row[4] - before[4] >= _REPEATED_WITHIN:
            kept[row[0]] = row
    return [*kept.values()]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Return the rows as columns, each id once, in the order of ids."""
    once = {str(row[0]): row for row in reversed(rows)}
    return [list(column) for column in zip(*(once[identity] for identity in sorted(once)), strict=True)]
