"""Pauses: what operators hold for a while. Executors notice within a second or two."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.action_lists import EXECUTOR_OF, RECORD_ACTION_TYPES
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError
from services.chassis.sql_files import load_sql
from services.console.bodies.pauses import NewPause, Pause
from services.console.new_ids import new_id
from services.console.paging import Page, PageQuery, cut, decode_cursor, encode_cursor
from services.console.refusals import not_found, refuse
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "pauses.sql")
_RECORD_ACTION: Final = "changes the record, whose order would break: pause its type {type} instead"


@dataclass(frozen=True, slots=True)
class Pauses:
    """The calls under /api/pauses."""

    database: Database

    async def pause(self, call: Call[NewPause, None]) -> Pause:
        """Pause something; again is no error and gives the same pause."""
        body = call.body
        async with self.database.transaction() as tx:
            if (error := await _error(tx, body)) is not None:
                refuse([FieldError("/id", error)])
            row = await tx.fetchrow(SQL["pause"], new_id(body.scope), body.scope, body.id)
        if row is None:
            raise not_found("pause")
        return _shown(row)

    async def page(self, call: Call[None, PageQuery]) -> Page[Pause]:
        """List the pauses, by id."""
        after = decode_cursor(call.query.cursor, str)[0] if call.query.cursor else ""
        rows = await self.database.rows(SQL["page"], after, call.query.limit + 1)
        shown, more = cut(rows, call.query.limit)
        return Page(items=[_shown(row) for row in shown], next=encode_cursor(shown[-1]["id"]) if more else None)

    async def resume(self, call: Call[None, None]) -> None:
        """End a pause: what waited goes on where it stopped."""
        if await self.database.row(SQL["resume"], call.path["id"]) is None:
            raise not_found("pause")


async def _error(tx: Connection, body: NewPause) -> str | None:
    """Return why this cannot be paused, or None."""
    match body.scope:
        case "type":
            return None if body.id in EXECUTOR_OF else "is not an action type"
        case "action":
            asset_id, _, action_id = body.id.partition("/")
            row = await tx.fetchrow(SQL["type_of_action"], asset_id, action_id)
            if row is None:
                return "is not an action: <asset id>/<action id> is needed"
            return _RECORD_ACTION.format(type=row["type"]) if row["type"] in RECORD_ACTION_TYPES else None
        case "destination":
            return None


def _shown(row: Row) -> Pause:
    return Pause(**row, stops=_stops(row["target"]) if row["scope"] == "type" else [])


def _stops(action_type: str) -> list[str]:
    if action_type not in RECORD_ACTION_TYPES:
        return [action_type]
    return sorted(each for each, executor in EXECUTOR_OF.items() if executor == EXECUTOR_OF[action_type])
