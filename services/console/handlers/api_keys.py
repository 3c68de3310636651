"""API keys: the secret is answered once, at creation; a revocation holds as soon as every service has read it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.chassis.api_keys import key_hash, new_key
from services.chassis.sql_files import load_sql
from services.console.bodies.api_keys import CreatedApiKey, NewApiKey, ShownApiKey
from services.console.new_ids import new_id
from services.console.paging import Page, PageQuery, cut, decode_cursor, encode_cursor
from services.console.refusals import not_found
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "api_keys.sql")


@dataclass(frozen=True, slots=True)
class Keys:
    """The calls under /api/keys."""

    database: Database

    async def create(self, call: Call[NewApiKey, None]) -> CreatedApiKey:
        """Create a key, and answer it this once."""
        body, key = call.body, new_key()
        scopes = sorted(set(body.scopes))
        asked = (body.name, key_hash(key), scopes, list(body.sources), body.may_create, body.rate_per_s)
        row = await self.database.row(SQL["create"], new_id(body.name), *asked)
        if row is None:
            raise not_found("key")
        return CreatedApiKey(**_shown(row).model_dump(), key=key)

    async def rotate(self, call: Call[None, None]) -> CreatedApiKey:
        """Give a key another secret, answered this once. The one until now stays live until `retire`, or another rotation."""
        key = new_key()
        row = await self.database.row(SQL["rotate"], call.path["id"], key_hash(key))
        if row is None:
            raise not_found("key")
        return CreatedApiKey(**_shown(row).model_dump(), key=key)

    async def retire(self, call: Call[None, None]) -> None:
        """Take the secret before the last rotation away; again is no error."""
        if await self.database.row(SQL["retire"], call.path["id"]) is None:
            raise not_found("key")

    async def page(self, call: Call[None, PageQuery]) -> Page[ShownApiKey]:
        """List the keys, revoked ones too, by id."""
        after = decode_cursor(call.query.cursor, str)[0] if call.query.cursor else ""
        rows = await self.database.rows(SQL["page"], after, call.query.limit + 1)
        shown, more = cut(rows, call.query.limit)
        return Page(items=[_shown(row) for row in shown], next=encode_cursor(shown[-1]["id"]) if more else None)

    async def revoke(self, call: Call[None, None]) -> None:
        """Revoke a key; again is no error."""
        if await self.database.row(SQL["revoke"], call.path["id"]) is None:
            raise not_found("key")


def _shown(row: Row) -> ShownApiKey:
    columns = {name: row[name] for name in ShownApiKey.model_fields if name != "two_live"}
    return ShownApiKey(**columns, two_live=row["previous_hash"] is not None)
