"""Deliveries that other systems carry out, in PostgreSQL: where something is due, and the transactions that lease and settle."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.commands.command import Command
from services.chassis.postgres import Pool
from services.chassis.sql_files import load_sql
from services.executors.adapters.answers import write_answer
from services.executors.adapters.deliveries import SQL as DELIVERIES
from services.executors.adapters.deliveries import delivery_of, prospects_with_owners
from services.executors.adapters.ledger import FOLDER, Bounds, LedgerTransaction, columns, transaction
from services.executors.executor import IN_APP
from services.executors.ports import KEPT, Again, Attempt, Ending, Prepared, Taken

SQL: Final = load_sql(FOLDER / "attempts.sql")

_NOT_REMOTE: Final = [IN_APP]


class Desk:
    """Where a dispatcher finds its work. Its transactions say when they begin, for what they write."""

    def __init__(self, pool: Pool, executor: str, bounds: Bounds) -> None:
        self._pool, self._executor, self._bounds = pool, executor, bounds
        file = FOLDER / f"{executor}.sql"
        self._statements = load_sql(file) if file.exists() else {}

    async def destinations(self, now: datetime) -> list[str]:
        """Return where something is due."""
        async with transaction(self._pool, self._bounds.acquire_timeout_s) as connection:
            rows = await connection.fetch(SQL["destinations"], self._executor, now, _NOT_REMOTE)
        return [row["destination"] for row in rows]

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator["PostgresDesk"]:
        """Begin one; it is committed at the end, and rolled back by any exception."""
        async with transaction(self._pool, self._bounds.acquire_timeout_s) as connection:
            desk = PostgresDesk(connection, self._executor, now, self._bounds.value_max_bytes)
            desk.statements = self._statements
            yield desk


class PostgresDesk(LedgerTransaction):
    """One transaction; see `ports.RemoteTransaction`."""

    statements: Mapping[str, str]

    async def take(self, rooms: Mapping[str, int], deadline: datetime) -> list[Taken]:
        """Lock what is due."""
        rows = await self._connection.fetch(SQL["take"], self._executor, list(rooms), list(rooms.values()), self._now)
        return [_taken(row, row["lease"] + 1, deadline) for row in rows]

    async def expired(self, deadline: datetime, limit: int) -> list[Taken]:
        """Lock what is beyond its deadline."""
        await self._connection.fetch(SQL["seen"], self._executor, self._now, deadline, _NOT_REMOTE)
        rows = await self._connection.fetch(SQL["expired"], self._executor, self._now, limit)
        return [_taken(row, row["lease"], deadline) for row in rows]

    async def prospects(self, ids: Collection[UUID]) -> dict[UUID, tuple[dict[str, Any], dict[str, Any] | None]]:
        """Return the records, each with its owner; of whom there is none, what the statement `strangers` has instead."""
        known = prospects_with_owners(await self._connection.fetch(DELIVERIES["prospects"], list(ids)))
        missing = [id_ for id_ in ids if id_ not in known]
        if missing and "strangers" in self.statements:
            known |= prospects_with_owners(await self._connection.fetch(self.statements["strangers"], missing))
        return known

    async def details(self, commands: Sequence[Command]) -> dict[UUID, Mapping[str, Any]]:
        """Return what the statement `situation` adds, alone with these prospects where there is `alone`."""
        if "situation" not in self.statements or not commands:
            return {}
        if "alone" in self.statements:
            await self._connection.fetch(self.statements["alone"], [command.prospect_id for command in commands])
        asked = columns([(command.id, command.prospect_id, command.params) for command in commands])
        rows = await self._connection.fetch(self.statements["situation"], *asked)
        return {row["command_id"]: row["details"] for row in rows}

    async def keep(self, prepared: Mapping[UUID, tuple[UUID, Prepared]]) -> None:
        """Store what goes with new requests."""
        kept = [(id_, owner, new.kept) for id_, (owner, new) in prepared.items() if new.kept is not None]
        if kept:
            await self._connection.fetch(self.statements["keep"], *columns(kept))

    async def begin(self, attempts: Sequence[Attempt], until: datetime) -> None:
        """Lease what is tried from now on."""
        rows = [
            (taken.delivery.command.id, taken.lease, taken.attempts, taken.deadline, attempt.request)
            for attempt in attempts
            for taken in (attempt.taken,)
        ]
        await self._connection.fetch(SQL["begin"], *columns(rows), self._now, until)

    async def put_off(self, later: Mapping[UUID, datetime]) -> None:
        """Let go what must not be tried yet."""
        await self._connection.fetch(SQL["put_off"], list(later), list(later.values()))

    async def mine(self, taken: Sequence[Taken]) -> set[UUID]:
        """Lock the deliveries of which these leases are the last."""
        asked = columns([(each.delivery.command.id, each.lease) for each in taken])
        return {row["command_id"] for row in await self._connection.fetch(SQL["mine"], *asked)}

    async def write(self, command: Command, writes: Mapping[str, Any]) -> str | None:
        """Set fields of the record as another writer's change."""
        return await write_answer(self._connection, command, writes)

    async def close(self, endings: Sequence[Ending]) -> None:
        """Write how commands ended and what came of their attempts, and let go their deliveries."""
        rows = [
            (end.taken.delivery.command.id, o.state, o.reason, o.error, o.attempts)
            for end in endings
            for o in (end.outcome,)
        ]
        await self._connection.fetch(DELIVERIES["end"], *columns(rows))
        ids = [end.taken.delivery.command.id for end in endings]
        dead = [end.taken.delivery.command.id for end in endings if end.outcome.state in KEPT]
        await self._attempts([_attempt(end) for end in endings])
        await self._connection.fetch(SQL["ended"], ids, dead)

    async def again(self, failed: Sequence[Again]) -> None:
        """Write down failed attempts, and when the next ones are due."""
        await self._attempts(
            [
                (
                    each.taken.delivery.command.id,
                    each.taken.lease,
                    "uncertain" if each.cut_off else "retry",
                    each.status,
                    each.error,
                    None,
                    None,
                )
                for each in failed
            ]
        )
        rows = [
            (taken.delivery.command.id, taken.lease, taken.attempts + 1, taken.deadline, each.at, each.error)
            for each in failed
            for taken in (each.taken,)
        ]
        await self._connection.fetch(SQL["again"], *columns(rows))

    async def _attempts(self, rows: Sequence[tuple[Any, ...]]) -> None:
        await self._connection.fetch(SQL["attempts"], *columns(rows), self._now)

    async def destinations(
        self, well: Collection[str], failing: Collection[str], gone: Collection[str], disabled_after: timedelta | None
    ) -> list[str]:
        """Note which destinations answer and which fail; pause those that are gone, or have failed for so long."""
        if well:
            await self._connection.fetch(SQL["well"], self._executor, sorted(well))
        if failing:
            await self._connection.fetch(SQL["failing"], self._executor, sorted(failing), self._now)
        if not gone and (not failing or disabled_after is None):
            return []
        since = None if disabled_after is None else self._now - disabled_after
        rows = await self._connection.fetch(SQL["disable"], self._executor, sorted(gone), sorted(failing), since)
        return [row["target"] for row in rows]


def _taken(row: asyncpg.Record, lease: int, deadline: datetime) -> Taken:
    cut_off = row["begun_at"] is not None
    attempts = row["attempts"] + (1 if cut_off else 0)
    return Taken(delivery_of(row), lease, attempts, cut_off, row["deadline_at"] or deadline, row["rendered"])


def _storable(text: str) -> str:
    """Return what the other side said without what no text column holds."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def _attempt(end: Ending) -> tuple[Any, ...]:
    answer = end.answer
    said = (None, None, None) if answer is None else (answer.status, answer.excerpt, answer.reference)
    status, excerpt, reference = (None if text is None else _storable(text) for text in said)
    error = end.outcome.error
    return end.taken.delivery.command.id, end.taken.lease, end.outcome.state, status, error, excerpt, reference
