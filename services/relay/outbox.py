"""The outbox: what is committed and not in the log yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.identity import position_id
from schemas.outcomes import DeadReason
from services.chassis.clock import Clock
from services.chassis.postgres import Pool, translated
from services.chassis.sql_files import load_sql
from services.relay import metrics
from services.relay.settings import Relay

SQL: Final = load_sql(Path(__file__).parent / "sql" / "outbox.sql")
DEFINITIONS: Final = "definitions"
REPLAY: Final = "replay"
COMMANDS: Final = "commands."
EXECUTOR_SNAPSHOT: Final = "snapshot.executor"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter to be published again: the topic and partition that it came from, and its bytes."""

    id: UUID
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the outbox. `aggregateid` is the record's key, `payload` its value as the database writes JSON; of a replay,
    `letter` is the record, None when it was deleted."""

    seq: int
    aggregatetype: str
    aggregateid: str
    type: str
    payload: str
    letter: Letter | None = None


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
        return [_row(row) for row in rows]

    async def settle(self, rows: Sequence[Row], dead: Sequence[DeadRow]) -> None:
        """Delete rows that are in the log, with those that go to the dead letters, and tell who waits for them."""
        with translated():
            async with self._pool.acquire(timeout=self._acquire_timeout_s) as connection, connection.transaction():
                for each in dead:
                    if each.row.letter is not None:
                        now = self._clock.now()
                        await connection.execute(SQL["give_back"], each.row.letter.id, each.reason, each.error, now)
                    else:
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

    async def dead_letters(self, letters_max: int) -> dict[tuple[str, str], int]:
        """Count the dead letters by topic and reason, looking at no more than that many."""
        with translated():
            rows = await self._pool.fetch(SQL["dead_letters"], letters_max)
        return {(row["topic"], row["reason"]): row["letters"] for row in rows}

    def _dead_letter(self, dead: DeadRow) -> tuple[Any, ...]:
        row, value, size_max = dead.row, dead.row.payload.encode(), self._relay.dead_letter_max_bytes
        return (
            UUID(position_id("outbox", 0, row.seq)),
            dead.reason,
            dead.error,
            row.seq,
            row.aggregateid.encode(),
            value[:size_max],
            None if row.aggregatetype == DEFINITIONS else row.aggregateid,
            self._clock.now(),
            len(value) > size_max,
        )


def _row(row: asyncpg.Record) -> Row:
    letter = None
    if (letter_id := row["letter_id"]) is not None:
        letter = Letter(letter_id, row["topic"], row["partition"], row["key"], row["value"])
    return Row(row["seq"], row["aggregatetype"], row["aggregateid"], row["type"], row["payload"], letter)


def needed(rows: Sequence[Row]) -> list[Row]:
    """Leave out a snapshot after an executor's write if the prospect's next row is one, too: that one has its values and
    marks, and neither raises triggers. Of two different kinds both stay. Left out is also the replay of a letter that was
    deleted.
    """
    next_type: dict[str, str] = {}
    kept = []
    for row in reversed(rows):
        if row.aggregatetype == REPLAY and row.letter is None:
            continue
        if row.aggregatetype in {DEFINITIONS, REPLAY} or row.aggregatetype.startswith(COMMANDS):
            kept.append(row)
            continue
        if not (row.type == EXECUTOR_SNAPSHOT == next_type.get(row.aggregateid)):
            kept.append(row)
        next_type[row.aggregateid] = row.type
    kept.reverse()
    return kept
