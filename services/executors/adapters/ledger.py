"""What every executor does with ledger, prospects and dead letters in PostgreSQL. The driver's errors are translated here,
once.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg

from core.limits import DEFAULT
from schemas.commands.command import Command
from services.chassis.errors import RetryableError
from services.chassis.postgres import Connection, Pool, translated
from services.chassis.sql_files import load_sql
from services.executors.ports import DeadLetter, Outcome

FOLDER: Final = Path(__file__).parent / "sql"
LEDGER: Final = load_sql(FOLDER / "ledger.sql")

_REPEATED_WITHIN: Final = timedelta(milliseconds=DEFAULT.uids_kept_ms)
"""The evaluator remembers an interaction for so long: what it decides again later is another one."""
_NOT_THE_COMMANDS: Final = frozenset({"28", "3D", "42"})
"""Login, database, table or right is missing: statements are constant, so no command's values can cause these, and to
take batches apart would bury every command for a deployment's mistake."""


@asynccontextmanager
async def transaction(pool: Pool, acquire_timeout_s: float) -> AsyncIterator[Connection]:
    """Begin one; it is committed at the end, and rolled back by any exception."""
    with translated_patiently():
        async with pool.acquire(timeout=acquire_timeout_s) as connection, connection.transaction():
            yield connection


@contextmanager
def translated_patiently() -> Iterator[None]:
    """Turn the driver's errors into RetryableError or PermanentError, a deployment's mistake into the former."""
    try:
        with translated():
            yield
    except asyncpg.PostgresError as exc:
        if (exc.sqlstate or "")[:2] in _NOT_THE_COMMANDS:
            raise RetryableError(f"{type(exc).__name__} {exc.sqlstate}") from exc
        raise


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a connection is waited for, and how much of a dead letter's bytes is kept."""

    acquire_timeout_s: float
    value_max_bytes: int


class LedgerTransaction:
    """One transaction; see `ports.Transaction`."""

    claimed_as: Literal["done", "waiting"] = "done"
    locking: Literal["lock", "share"] = "lock"

    def __init__(self, connection: Connection, executor: str, now: datetime, value_max_bytes: int) -> None:
        self._connection = connection
        self._executor, self._now, self._value_max_bytes = executor, now, value_max_bytes

    async def claim(self, commands: Sequence[Command]) -> set[UUID]:
        """Write ledger rows and return the ids of the commands that were never taken before."""
        rows = [(c.id, c.uid, c.prospect_id, c.action_id, c.type, c.recordedtime) for c in commands]
        asked = (*columns(rows), self._executor, _REPEATED_WITHIN, self.claimed_as)
        claimed = await self._connection.fetch(LEDGER["claim"], *asked)
        return {row["command_id"] for row in claimed}

    async def owners(self, command_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return whose the commands are that were taken before: command id -> prospect id."""
        rows = await self._connection.fetch(LEDGER["owners"], list(command_ids))
        return {row["command_id"]: row["prospect_id"] for row in rows}

    async def asked(self, letter_ids: Collection[UUID]) -> set[UUID]:
        """Lock these dead letters until the end, and return those whose replay was asked for and has not ended."""
        rows = await self._connection.fetch(LEDGER["asked"], list(letter_ids))
        return {row["id"] for row in rows}

    async def revive(self, commands: Sequence[Command]) -> set[UUID]:
        """Take commands again that are dead or uncertain, one attempt more, and return the ids of those that were."""
        wanted = columns([(c.id, c.prospect_id) for c in commands])
        rows = await self._connection.fetch(LEDGER["revive"], *wanted, self.claimed_as)
        return {row["command_id"] for row in rows}

    async def forget(self, letter_ids: Collection[UUID]) -> None:
        """Delete dead letters whose replay needs them no more."""
        await self._connection.fetch(LEDGER["forget"], sorted(letter_ids))

    async def lock(self, prospect_ids: Collection[UUID]) -> set[UUID]:
        """Lock these prospects' rows until the end, and return which exist."""
        rows = await self._connection.fetch(LEDGER[self.locking], list(prospect_ids))
        return {row["id"] for row in rows}

    async def erased(self, prospect_ids: Collection[UUID]) -> set[UUID]:
        """Return which of these prospects, that no longer exist, were erased. `lock` comes before."""
        rows = await self._connection.fetch(LEDGER["erased"], list(prospect_ids))
        return {row["prospect_id"] for row in rows}

    async def end(self, outcomes: Mapping[UUID, Outcome]) -> None:
        """Write into the ledger how claimed commands ended that are not done."""
        rows = [(id_, o.state, o.reason, o.error, o.attempts) for id_, o in outcomes.items()]
        await self._connection.fetch(LEDGER["end"], *columns(rows))

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters; the same one twice is one. One whose replay failed is kept on, with one attempt more."""
        rows = [self._row(letter) for letter in letters]
        await self._connection.fetch(LEDGER["bury"], *columns(rows), self._executor, self._now)

    def _row(self, letter: DeadLetter) -> tuple[Any, ...]:
        command = letter.command
        return (
            letter.id,
            letter.reason,
            letter.error,
            letter.topic,
            letter.partition,
            letter.offset,
            letter.key,
            None if letter.value is None else letter.value[: self._value_max_bytes],
            None if command is None else command.uid,
            None if command is None else str(command.prospect_id),
            None if command is None else command.id,
            letter.attempts,
            letter.value is not None and len(letter.value) > self._value_max_bytes,
        )


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Turn rows into one list per column, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)]
