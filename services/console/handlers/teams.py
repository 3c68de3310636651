"""Teams: what `notify_user` may tell instead of one user."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.chassis.problems import FieldError
from services.chassis.sql_files import load_sql
from services.console.bodies.teams import NewTeam, Team
from services.console.new_ids import new_id
from services.console.paging import Page, PageQuery, cut, decode_cursor, encode_cursor
from services.console.refusals import refuse, taken
from services.console.route import Call
from services.console.transactions import Database

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "teams.sql")


@dataclass(frozen=True, slots=True)
class Teams:
    """The calls under /api/teams."""

    database: Database

    async def create(self, call: Call[NewTeam, None]) -> Team:
        """Create a team. 409: the id is another one's."""
        body = call.body
        async with self.database.transaction() as tx:
            unknown = {row["id"] for row in await tx.fetch(SQL["unknown"], body.members)}
            refuse(
                [
                    FieldError(f"/members/{place}", "is not a user's id")
                    for place, user in enumerate(body.members)
                    if user in unknown
                ]
            )
            row = await tx.fetchrow(SQL["create"], body.id or new_id(body.name), body.name)
            if row is None:
                raise taken("/id", "is the id of another team")
            await tx.execute(SQL["join"], row["id"], body.members)
        return Team(**row, members=sorted(set(body.members)))

    async def page(self, call: Call[None, PageQuery]) -> Page[Team]:
        """List the teams, by id."""
        after = decode_cursor(call.query.cursor, str)[0] if call.query.cursor else ""
        rows = await self.database.rows(SQL["page"], after, call.query.limit + 1)
        shown, more = cut(rows, call.query.limit)
        return Page(items=[Team(**row) for row in shown], next=encode_cursor(shown[-1]["id"]) if more else None)
