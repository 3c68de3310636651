"""Users: a switch of one who stands in pools makes new versions of those lists, so that a replay chooses alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.action_lists import ActionList
from services.chassis.postgres import Connection
from services.chassis.sql_files import load_sql
from services.console.bodies.users import NewUser, User, UserChanges
from services.console.list_versions import SQL as LISTS
from services.console.list_versions import save
from services.console.new_ids import new_id
from services.console.paging import Page, PageQuery, cut, decode_cursor, encode_cursor
from services.console.publications import Publications
from services.console.refusals import not_found, taken
from services.console.route import Call
from services.console.transactions import Database

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "users.sql")


@dataclass(frozen=True, slots=True)
class Users:
    """The calls under /api/users."""

    database: Database
    publications: Publications

    async def create(self, call: Call[NewUser, None]) -> User:
        """Create a user. 409: the id is another one's."""
        body = call.body
        row = await self.database.row(SQL["create"], body.id or new_id(body.name), body.name, body.email, body.enabled)
        if row is None:
            raise taken("/id", "is the id of another user")
        return User(**row)

    async def page(self, call: Call[None, PageQuery]) -> Page[User]:
        """List the users, by id."""
        after = decode_cursor(call.query.cursor, str)[0] if call.query.cursor else ""
        rows = await self.database.rows(SQL["page"], after, call.query.limit + 1)
        shown, more = cut(rows, call.query.limit)
        return Page(items=[User(**row) for row in shown], next=encode_cursor(shown[-1]["id"]) if more else None)

    async def change(self, call: Call[UserChanges, None]) -> User:
        """Change a user. A switch is answered when the lists that it concerns are published."""
        given = call.body.model_fields_set
        async with self.database.transaction() as tx:
            await tx.execute(SQL["own_users"])
            old = await tx.fetchrow(SQL["read"], call.path["id"])
            if old is None:
                raise not_found("user")
            values = [getattr(call.body, name) if name in given else old[name] for name in ("name", "email", "enabled")]
            row = await tx.fetchrow(SQL["update"], old["id"], *values)
            if row is None:
                raise not_found("user")
            seqs = await self._republish(tx, old["id"]) if row["enabled"] != old["enabled"] else []
        await self.publications.wait(seqs)
        return User(**row)

    async def _republish(self, tx: Connection, user: str) -> list[int]:
        """Make a new version of every list that has the user in a pool; the actions stay."""
        seqs = []
        for row in await tx.fetch(LISTS["newest_with_pools"], user):
            old = ActionList.model_validate(row["document"])
            now = self.database.clock.now()
            _, seq = await save(tx, old.asset_id, old.asset_kind, old.version + 1, old.actions, now)
            seqs.append(seq)
        return seqs
