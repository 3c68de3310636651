"""Record hooks: how to read what a CRM sends of its records."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.chassis.problems import FieldError
from services.chassis.sql_files import load_sql
from services.console.bodies.record_hooks import NewRecordHook, RecordHook, RecordHookSettings
from services.console.catalogue import read_catalogue
from services.console.new_ids import new_id
from services.console.paging import Page, PageQuery, cut, decode_cursor, encode_cursor
from services.console.refusals import not_found, refuse, taken
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "record_hooks.sql")


@dataclass(frozen=True, slots=True)
class RecordHooks:
    """The calls under /api/hooks. `public_url` is where ingest is reached from outside."""

    database: Database
    public_url: str

    async def create(self, call: Call[NewRecordHook, None]) -> RecordHook:
        """Make a hook. 409: the id is another one's."""
        row = await self._written("create", call.body.id or new_id(call.body.name), call.body)
        if row is None:
            raise taken("/id", "is the id of another hook")
        return self._shown(row)

    async def replace(self, call: Call[RecordHookSettings, None]) -> RecordHook:
        """Read what is sent another way from now on."""
        row = await self._written("replace", call.path["id"], call.body)
        if row is None:
            raise not_found("hook")
        return self._shown(row)

    async def page(self, call: Call[None, PageQuery]) -> Page[RecordHook]:
        """List the hooks, by id."""
        after = decode_cursor(call.query.cursor, str)[0] if call.query.cursor else ""
        rows = await self.database.rows(SQL["page"], after, call.query.limit + 1)
        shown, more = cut(rows, call.query.limit)
        return Page(items=[self._shown(row) for row in shown], next=encode_cursor(shown[-1]["id"]) if more else None)

    async def delete(self, call: Call[None, None]) -> None:
        """Take a hook away: its address answers 404."""
        if await self.database.row(SQL["delete"], call.path["id"]) is None:
            raise not_found("hook")

    async def _written(self, statement: str, hook_id: str, body: RecordHookSettings) -> Row | None:
        async with self.database.transaction() as tx:
            fields = await read_catalogue(tx)
            refuse(
                [
                    FieldError(f"/mapping/{name}", "is not a field of the catalogue")
                    for name in body.mapping
                    if name not in fields
                ]
            )
            pointers = (body.records, body.external_id, body.email, body.opted_out)
            now = self.database.clock.now()
            written: Row | None = await tx.fetchrow(SQL[statement], hook_id, body.name, *pointers, body.mapping, now)
            return written

    def _shown(self, row: Row) -> RecordHook:
        return RecordHook(**row, url=f"{self.public_url}/v1/hooks/{row['id']}")
