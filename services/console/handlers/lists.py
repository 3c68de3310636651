"""Mailing lists: what memberships and the actions on them refer to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.chassis.sql_files import load_sql
from services.console.bodies.lists import MailingList, NewList
from services.console.new_ids import new_id
from services.console.paging import Page, PageQuery, cut, decode_cursor, encode_cursor
from services.console.refusals import taken
from services.console.route import Call
from services.console.transactions import Database

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "lists.sql")


@dataclass(frozen=True, slots=True)
class Lists:
    """The calls under /api/lists."""

    database: Database

    async def create(self, call: Call[NewList, None]) -> MailingList:
        """Create a list. 409: the id is another one's."""
        row = await self.database.row(SQL["create"], call.body.id or new_id(call.body.name), call.body.name)
        if row is None:
            raise taken("/id", "is the id of another list")
        return MailingList(**row)

    async def page(self, call: Call[None, PageQuery]) -> Page[MailingList]:
        """List the lists, by id."""
        after = decode_cursor(call.query.cursor, str)[0] if call.query.cursor else ""
        rows = await self.database.rows(SQL["page"], after, call.query.limit + 1)
        shown, more = cut(rows, call.query.limit)
        return Page(items=[MailingList(**row) for row in shown], next=encode_cursor(shown[-1]["id"]) if more else None)
