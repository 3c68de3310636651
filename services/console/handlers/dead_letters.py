"""Dead letters: what could not be carried out and why, to be looked at, replayed or deleted.

A replay is one transaction: the letter says that it was asked for, and the outbox that it is to be published. Whoever
carries it out ends the letter. Until then it stays, and a deletion takes the replay back unless it has begun.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.chassis.failpoints import failpoint
from services.chassis.postgres import Connection
from services.chassis.problems import Problem
from services.chassis.sql_files import load_sql
from services.console.bodies.dead_letters import (
    DeadLetterFilter,
    DeadLetterQuery,
    Deletions,
    InspectedDeadLetter,
    Replays,
    ShownDeadLetter,
    shown_key,
    shown_value,
)
from services.console.metrics import DELETIONS, REPLAYS
from services.console.paging import Page, bad_cursor, cut, decode_cursor, encode_cursor
from services.console.refusals import not_found
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "dead_letters.sql")


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The calls under /api/dead-letters. `chosen_max` bounds what one call replays or deletes."""

    database: Database
    chosen_max: int

    async def page(self, call: Call[None, DeadLetterQuery]) -> Page[ShownDeadLetter]:
        """List the dead letters, newest first."""
        query = call.query
        after = _position(query.cursor) if query.cursor else (None, None)
        rows = await self.database.rows(SQL["page"], *_filter(query), *after, query.limit + 1)
        shown, more = cut(rows, query.limit)
        position = encode_cursor(shown[-1]["last_time"].isoformat(), str(shown[-1]["id"])) if more else None
        return Page(items=[ShownDeadLetter(**row) for row in shown], next=position)

    async def read(self, call: Call[None, None]) -> InspectedDeadLetter:
        """Show one with its bytes."""
        row = await self.database.row(SQL["one"], _letter_id(call.path["id"]))
        if row is None:
            raise not_found("dead letter")
        content = {"key": shown_key(row["key"]), "value": shown_value(row["value"])}
        return InspectedDeadLetter(**{**row, **content})

    async def replay(self, call: Call[None, None]) -> Replays:
        """Put one on its way again; asked for twice it is carried out once. 409: it cannot be replayed."""
        async with self.database.transaction() as tx:
            row = await self._locked(tx, call.path["id"])
            if row["refusal"] is not None:
                raise Problem(409, "not-replayable", "This dead letter cannot be replayed", row["refusal"])
            await self._ask(tx, [row])
        return _replayed([row], left=False)

    async def replay_all(self, call: Call[DeadLetterFilter, None]) -> Replays:
        """Put all that match on their way, as many as one call may."""
        async with self.database.transaction() as tx:
            rows, left = await self._chosen(tx, call.body, for_replay=True)
            await self._ask(tx, rows)
        return _replayed(rows, left=left)

    async def delete(self, call: Call[None, None]) -> None:
        """Delete one; a replay that has not begun does not begin."""
        async with self.database.transaction() as tx:
            row = await self._locked(tx, call.path["id"])
            await self._delete(tx, [row])
        DELETIONS.labels(row["topic"], row["reason"]).inc()

    async def delete_all(self, call: Call[None, DeadLetterFilter]) -> Deletions:
        """Delete all that match, as many as one call may."""
        async with self.database.transaction() as tx:
            rows, left = await self._chosen(tx, call.query, for_replay=False)
            await self._delete(tx, rows)
        for row in rows:
            DELETIONS.labels(row["topic"], row["reason"]).inc()
        return Deletions(deleted=len(rows), left=left)

    async def _locked(self, tx: Connection, text: str) -> Row:
        row = await tx.fetchrow(SQL["lock"], _letter_id(text))
        if row is None:
            raise not_found("dead letter")
        return row

    async def _chosen(self, tx: Connection, which: DeadLetterFilter, *, for_replay: bool) -> tuple[Sequence[Row], bool]:
        rows = await tx.fetch(SQL["chosen"], *_filter(which), for_replay, self.chosen_max + 1)
        return cut(rows, self.chosen_max)

    async def _delete(self, tx: Connection, rows: Sequence[Row]) -> None:
        """Delete letters; what waited for their commands is given up with them."""
        await tx.execute(SQL["delete"], [row["id"] for row in rows])
        if dead := [row["command_id"] for row in rows if row["command_id"] is not None]:
            await tx.execute(SQL["depend"], dead)

    async def _ask(self, tx: Connection, rows: Sequence[Row]) -> None:
        ids = [row["id"] for row in rows]
        await tx.execute(SQL["ask"], ids, self.database.clock.now())
        failpoint("console.before-replay-enqueued")
        await tx.execute(SQL["enqueue"], ids)
        failpoint("console.before-replay-commit")


def _replayed(rows: Sequence[Row], *, left: bool) -> Replays:
    failpoint("console.after-replay-commit")
    for row in rows:
        REPLAYS.labels(row["topic"], row["reason"]).inc()
    return Replays(replayed=len(rows), left=left)


def _filter(which: DeadLetterFilter | DeadLetterQuery) -> tuple[str | None, ...]:
    return which.executor, which.reason, which.topic, which.prospect_id


def _letter_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise not_found("dead letter") from None


def _position(cursor: str) -> tuple[datetime, UUID]:
    last_time, letter = decode_cursor(cursor, str, str)
    try:
        return datetime.fromisoformat(last_time), UUID(letter)
    except ValueError:
        raise bad_cursor() from None
