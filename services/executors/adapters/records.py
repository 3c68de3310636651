"""Transactions that carry record commands out in PostgreSQL."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from services.chassis.postgres import Connection, Pool
from services.chassis.sql_files import load_sql
from services.executors.adapters.ledger import FOLDER, LEDGER, LedgerTransaction, columns, transaction
from services.executors.ports import Effect, Outcome


def statements_of(executor: str) -> Mapping[str, str]:
    """Read the statements of an executor: one per action type, and `mark`."""
    return load_sql(FOLDER / f"{executor}.sql")


class PostgresRecords:
    """The records of one executor."""

    def __init__(self, pool: Pool, executor: str, *, acquire_timeout_s: float, value_max_bytes: int) -> None:
        self._pool, self._executor = pool, executor
        self._acquire_timeout_s, self._value_max_bytes = acquire_timeout_s, value_max_bytes
        self._statements = statements_of(executor)

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator["PostgresTransaction"]:
        """Begin one; it is committed at the end, and rolled back by any exception."""
        async with transaction(self._pool, self._acquire_timeout_s) as connection:
            await connection.fetch(LEDGER["open"], now)
            yield PostgresTransaction(connection, self._statements, self._executor, now, self._value_max_bytes)


class PostgresTransaction(LedgerTransaction):
    """One transaction; see `ports.RecordTransaction`."""

    def __init__(
        self,
        connection: Connection,
        statements: Mapping[str, str],
        executor: str,
        now: datetime,
        value_max_bytes: int,
    ) -> None:
        super().__init__(connection, executor, now, value_max_bytes)
        self._statements = statements

    async def change(self, action_type: str, effects: Sequence[Effect]) -> list[Outcome]:
        """Carry out effects of one type on locked rows, at most one per prospect. What is done has moved the mark, and is
        pushed where the statement `push` says so.
        """
        operands = [(e.command.prospect_id, e.command.order, e.operands) for e in effects]
        rows = await self._connection.fetch(self._statements[action_type], *columns(operands))
        outcomes = {row["prospect_id"]: _outcome(row["outcome"], row["error"]) for row in rows}
        ended = [outcomes[effect.command.prospect_id] for effect in effects]
        if (push := self._statements.get("push")) is not None:
            done = [effect.command.id for effect, end in zip(effects, ended, strict=True) if end.state == "done"]
            await self._connection.fetch(push, done)
        return ended

    async def mark(self, orders: Mapping[UUID, int]) -> None:
        """Raise the prospects' marks of this executor to at least these orders."""
        await self._connection.fetch(self._statements["mark"], *columns(list(orders.items())))

    async def release(self, dead: Mapping[UUID, bool]) -> None:
        """Let go the deliveries that wait for these commands."""
        await self._connection.fetch(LEDGER["release"], list(dead), list(dead.values()))


def _outcome(state: str, error: str | None) -> Outcome:
    match state:
        case "done":
            return Outcome("done")
        case "no_change":
            return Outcome("no_change")
        case "dead":
            return Outcome("dead", "permanent", error)
        case _:
            raise ValueError(f"a statement returned the outcome {state}")
