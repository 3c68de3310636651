"""Deliveries in PostgreSQL: taken in, let go, and carried out where the effect is in the database, too."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
import orjson

from schemas.commands.command import Command
from schemas.commands.notify import MAIL_DIGEST
from services.chassis.postgres import Connection, Pool
from services.chassis.sql_files import load_sql
from services.executors.adapters.ledger import (
    FOLDER,
    LEDGER,
    Bounds,
    LedgerTransaction,
    columns,
    transaction,
    translated_patiently,
)
from services.executors.ports import Delivery, Due, Outcome

SQL: Final = load_sql(FOLDER / "deliveries.sql")

_RESOLVED_MAX: Final = 1_000
_PAUSED_WITH: Final = {MAIL_DIGEST: "notify_user"}
"""What is paused with the action that it follows from."""


class Intake:
    """Transactions that take one executor's commands in."""

    def __init__(
        self,
        pool: Pool,
        executor: str,
        bounds: Bounds,
        *,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._pool, self._executor, self._bounds, self._told = pool, executor, bounds, told

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator["PostgresIntake"]:
        """Begin one; it is committed at the end, and rolled back by any exception. Whoever delivers is told."""
        async with transaction(self._pool, self._bounds.acquire_timeout_s) as connection:
            tx = PostgresIntake(connection, self._executor, now, self._bounds.value_max_bytes)
            yield tx
        if tx.awaited:
            await self.resolve(sorted(tx.awaited))
        self._told()

    async def resolve(self, command_ids: Sequence[UUID] | None = None) -> int:
        """Let go what waits for commands that have ended unseen, these or any; return how many these were."""
        async with transaction(self._pool, self._bounds.acquire_timeout_s) as connection:
            rows = await connection.fetch(SQL["unresolved"], command_ids, _RESOLVED_MAX)
            if rows:
                await connection.fetch(LEDGER["release"], *columns([(row["after_id"], row["dead"]) for row in rows]))
        return len(rows)


class PostgresIntake(LedgerTransaction):
    """One transaction; see `ports.IntakeTransaction`."""

    claimed_as: Literal["done", "waiting"] = "waiting"
    locking: Literal["lock", "share"] = "share"

    def __init__(self, connection: Connection, executor: str, now: datetime, value_max_bytes: int) -> None:
        super().__init__(connection, executor, now, value_max_bytes)
        self.awaited: set[UUID] = set()
        """The commands that deliveries of this transaction may wait for."""

    async def lock(self, prospect_ids: Collection[UUID]) -> set[UUID]:
        """Return which exist, their rows kept until the end; and who is yet to confirm an address, for that is asked by mail."""
        existing = await super().lock(prospect_ids)
        missing = [id_ for id_ in prospect_ids if id_ not in existing]
        if not missing:
            return existing
        return existing | {row["prospect_id"] for row in await self._connection.fetch(SQL["held"], missing)}

    async def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Keep these to be delivered."""
        self.awaited.update(command_id for delivery in deliveries for command_id in delivery.command.after)
        ids, *rest = columns([_row(delivery) for delivery in deliveries])
        await self._connection.fetch(SQL["deliver"], ids, self._executor, *rest, self._now)


def _row(delivery: Delivery) -> tuple[Any, ...]:
    command = delivery.command
    return (
        command.id,
        delivery.destination,
        _PAUSED_WITH.get(command.type, command.type),
        f"{command.asset_id}/{command.action_id}",
        command.prospect_id,
        delivery.topic,
        delivery.partition,
        delivery.offset,
        delivery.key,
        delivery.value,
        delivery.replay_of,
        command.not_before,
        {str(command_id): on_failure for command_id, on_failure in command.after.items()},
    )


class Work:
    """Transactions in which one executor's deliveries are carried out whose effects are in the database, too."""

    def __init__(self, pool: Pool, executor: str, bounds: Bounds) -> None:
        self._pool, self._executor, self._bounds = pool, executor, bounds
        self._statements = load_sql(FOLDER / f"{executor}.sql")

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator["PostgresWork"]:
        """Begin one; it is committed at the end, and rolled back by any exception."""
        async with transaction(self._pool, self._bounds.acquire_timeout_s) as connection:
            work = PostgresWork(connection, self._executor, now, self._bounds.value_max_bytes)
            work.statements = self._statements
            yield work


class PostgresWork(LedgerTransaction):
    """One transaction; see `ports.DeliveryTransaction`."""

    statements: Mapping[str, str]

    async def due(self, destination: str, limit: int) -> list[Due]:
        """Take what is due."""
        rows = await self._connection.fetch(SQL["due"], self._executor, destination, self._now, limit)
        return [Due(delivery_of(row), row["attempts"]) for row in rows]

    async def prospects(self, ids: Collection[UUID]) -> dict[UUID, tuple[dict[str, Any], dict[str, Any] | None]]:
        """Return the records, each with its owner."""
        return prospects_with_owners(await self._connection.fetch(SQL["prospects"], list(ids)))

    async def perform(self, action_type: str, due: Due, operands: Mapping[str, Any]) -> Outcome:
        """Carry one out."""
        command = due.delivery.command
        with translated_patiently():
            async with self._connection.transaction():
                row = await self._connection.fetchrow(
                    self.statements[action_type], command.id, command.prospect_id, dict(operands)
                )
        if row is None:
            raise ValueError(f"the statement of {action_type} returned nothing")
        return Outcome(row["state"], row["reason"])

    async def end(self, outcomes: Mapping[UUID, Outcome]) -> None:
        """Write how commands ended, let go their deliveries, and push what was done where the statement `push` says so."""
        rows = [(id_, o.state, o.reason, o.error, o.attempts) for id_, o in outcomes.items()]
        await self._connection.fetch(SQL["end"], *columns(rows))
        await self._connection.fetch(SQL["over"], list(outcomes))
        if (push := self.statements.get("push")) is not None:
            done = [command_id for command_id, outcome in outcomes.items() if outcome.state == "done"]
            await self._connection.fetch(push, done)

    async def retry(self, due: Due, at: datetime, error: str) -> None:
        """Try one again later."""
        await self._connection.fetch(SQL["retry"], due.delivery.command.id, at, error)


def prospects_with_owners(
    rows: Sequence[asyncpg.Record],
) -> dict[UUID, tuple[dict[str, Any], dict[str, Any] | None]]:
    """Return the rows of the statement `prospects` as records with their owners."""
    return {row["id"]: ({**row["prospect"], "id": str(row["id"])}, row["owner"]) for row in rows}


def delivery_of(row: asyncpg.Record) -> Delivery:
    """Return a row of `deliveries`."""
    return Delivery(
        command=Command.model_validate(orjson.loads(row["value"])),
        destination=row["destination"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        key=row["key"],
        value=row["value"],
        replay_of=row["replay_of"],
    )
