"""Dead letters: what could not be carried out, and why."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.chassis.sql_files import load_sql
from services.console.bodies.dead_letters import DeadLetterQuery, ShownDeadLetter
from services.console.paging import Page, bad_cursor, cut, decode_cursor, encode_cursor
from services.console.route import Call
from services.console.transactions import Database

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "dead_letters.sql")


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The calls under /api/dead-letters."""

    database: Database

    async def page(self, call: Call[None, DeadLetterQuery]) -> Page[ShownDeadLetter]:
        """List the dead letters, newest first."""
        query = call.query
        after = _position(query.cursor) if query.cursor else (None, None)
        rows = await self.database.rows(SQL["page"], query.executor, query.reason, *after, query.limit + 1)
        shown, more = cut(rows, query.limit)
        position = encode_cursor(shown[-1]["last_time"].isoformat(), str(shown[-1]["id"])) if more else None
        return Page(items=[ShownDeadLetter(**row) for row in shown], next=position)


def _position(cursor: str) -> tuple[datetime, UUID]:
    last_time, letter = decode_cursor(cursor, str, str)
    try:
        return datetime.fromisoformat(last_time), UUID(letter)
    except ValueError:
        raise bad_cursor() from None
