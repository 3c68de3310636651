"""Erases a prospect in one transaction: nothing personal is left in the database, and the log is told by a last snapshot.

What cannot be reached from here follows by itself: the evaluator forgets when it reads that snapshot, executors and history
find the receipt, and the log's own records leave with its retention.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.chassis.postgres import Connection
from services.chassis.problems import Problem
from services.chassis.sql_files import load_sql
from services.console.refusals import not_found
from services.console.transactions import Row

SQL: Final = load_sql(Path(__file__).parent / "sql" / "erasures.sql")
Fetch = Callable[[str, UUID], Awaitable[Row | None]]

_REMOVED: Final = (
    "leads",
    "tasks",
    "notices",
    "mail_digests",
    "mails",
    "identities",
    "resubscriptions",
    "record",
    "commands",
    "deliveries",
    "requests",
    "attempts",
    "decisions",
    "dead_letters",
    "snapshots",
    "follow_ups",
)


async def prepare(tx: Connection, prospect: UUID) -> None:
    """Take what others lock before the record's row: this comes before it is locked."""
    await tx.execute(SQL["spam_windows"], prospect)
    await tx.execute(SQL["held_submissions"], prospect)
    await tx.execute(SQL["lock_letters"], prospect)
    await tx.execute(SQL["lock_deliveries"], prospect)


async def erase(tx: Connection, prospect: UUID, *, version: int, by: str, now: datetime) -> None:
    """Erase the prospect, whose row is locked and stands at `version`, and write the receipt in the name of a key."""
    await tx.execute(SQL["own"])
    await tx.execute(SQL["lock_outbox"], prospect)
    await tx.execute(SQL["write_receipt"], prospect, version + 1, now, by)
    await tx.execute(SQL["replays"], prospect)
    await tx.execute(SQL["begun"], prospect)
    removed = {name: _rows(await tx.execute(SQL[name], prospect)) for name in _REMOVED}
    await tx.execute(SQL["write_snapshot"], prospect)
    removed["interactions"] = _rows(await tx.execute(SQL["interactions"], prospect))
    await tx.execute(SQL["count"], prospect, removed)


async def absent(fetch: Fetch, identity: UUID) -> Problem:
    """Return the problem of a prospect that has no record: 410 when it was erased, 404 when there never was one."""
    if await fetch(SQL["receipt"], identity) is None:
        return not_found("prospect")
    return Problem(410, "erased", "This prospect was erased")


def _rows(status: str) -> int:
    """Return how many rows a statement has changed: "DELETE 12"."""
    return int(status.rsplit(maxsplit=1)[-1])
