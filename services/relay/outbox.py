"""The outbox: what is committed and not in the log yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from schemas.identity import position_id
from schemas.outcomes import DeadReason
from services.chassis.clock import Clock
from services.chassis.postgres import Pool, translated
from services.chassis.sql_files import load_sql
from services.relay import metrics
from services.relay.settings import Relay

SQL: Final = load_sql(Path(__file__).parent / "sql" / "outbox.sql")
DEFINITIONS: Final = "definitions"
EXECUTOR_SNAPSHOT: Final = "snapshot.executor"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the outbox. `aggregateid` is the record's key, `payload` its value as the database writes JSON."""

    seq: int
    aggregatetype: str
    aggregateid: str
    type: str
    payload: str


@dataclass(frozen=True, slots=True)
class DeadRow:
    """A row that the log will never take."""

    row: Row
    reason: DeadReason
    error: str


class Outbox:
    """Reads and settles rows. Raises RetryableError while the database is away."""

    def __init__(self, pool: Pool, clock: Clock, relay: Relay, *, acquire_timeout_s: float) -> None:
        self._pool, self._clock, self._relay, self._acquire_timeout_s = pool, clock, relay, acquire_timeout_s

    async def oldest(self, rows_max: int) -> list[Row]:
        """Return the oldest rows, in order."""
        with translated():
            rows = await self._pool.fetch(SQL["read"], rows_max, self._relay.batch_max_bytes)
        return [Row(**row) for row in rows]

    async def settle(self, rows: Sequence[Row], dead: Sequence[DeadRow]) -> None:
        """Delete rows that are in the log, with those that go to the dead letters, and tell who waits for them."""
        with translated():
            async with self._pool.acquire(timeout=self._acquire_timeout_s) as connection, connection.transaction():
                for each in dead:
                    await connection.execute(SQL["keep_dead"], *self._dead_letter(each))
                await connection.execute(SQL["delete"], [row.seq for row in rows])
                await connection.execute(SQL["tell"])
        for each in dead:
            metrics.DEAD_LETTERS.labels(each.reason).inc()

    async def age_s(self) -> float:
        """Return the age of the oldest row, 0 when there is none."""
        with translated():
            age: float | None = await self._pool.fetchval(SQL["age"])
        return age or 0.0

    def _dead_letter(self, dead: DeadRow) -> tuple[Any, ...]:
        row = dead.row
        return (
            UUID(position_id("outbox", 0, row.seq)),
            dead.reason,
            dead.error,
            row.seq,
            row.aggregateid.encode(),
            row.payload.encode()[: self._relay.dead_letter_max_bytes],
            None if row.aggregatetype == DEFINITIONS else row.aggregateid,
            self._clock.now(),
        )


def needed(rows: Sequence[Row]) -> list[Row]:
    """Leave out a snapshot after an executor's write if the prospect's next row is one, too: that one has its values and
    marks, and neither raises triggers. Of two different kinds both stay.
    """
    next_type: dict[str, str] = {}
    kept = []
    for row in reversed(rows):
        if row.aggregatetype == DEFINITIONS:
            kept.append(row)
            continue
        if not (row.type == EXECUTOR_SNAPSHOT == next_type.get(row.aggregateid)):
            kept.append(row)
        next_type[row.aggregateid] = row.type
    kept.reverse()
    return kept
