"""What actions made inside the workspace: leads, tasks, notices; and the deliveries that are still to be made."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from schemas.topics import EXECUTORS, RECORD_EXECUTORS
from services.chassis.sql_files import load_sql
from services.console.bodies.effects import (
    DeliveryQuery,
    EffectQuery,
    Lead,
    Notice,
    NoticeQuery,
    Resubscription,
    ShownDelivery,
    Task,
)
from services.console.paging import Page, bad_cursor, cut, decode_cursor, encode_cursor
from services.console.refusals import not_found
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "effects.sql")

_DELIVERING: Final = [name for name in EXECUTORS if name not in RECORD_EXECUTORS]


@dataclass(frozen=True, slots=True)
class Effects:
    """The calls under /api/leads, /api/tasks, /api/resubscriptions, /api/notices and /api/deliveries."""

    database: Database

    async def leads(self, call: Call[None, EffectQuery]) -> Page[Lead]:
        """List the leads, newest first."""
        rows, following = await self._newest("leads", call.query)
        return Page(items=[Lead(**row) for row in rows], next=following)

    async def tasks(self, call: Call[None, EffectQuery]) -> Page[Task]:
        """List the tasks, newest first."""
        rows, following = await self._newest("tasks", call.query)
        return Page(items=[Task(**row) for row in rows], next=following)

    async def resubscriptions(self, call: Call[None, EffectQuery]) -> Page[Resubscription]:
        """List on what grounds unsubscribes were overruled, newest first."""
        rows, following = await self._newest("resubscriptions", call.query)
        return Page(items=[Resubscription(**row) for row in rows], next=following)

    async def notices(self, call: Call[None, NoticeQuery]) -> Page[Notice]:
        """List the notices, newest first."""
        rows, following = await self._newest("notices", call.query, call.query.user)
        return Page(items=[Notice(**row) for row in rows], next=following)

    async def read_notice(self, call: Call[None, None]) -> Notice:
        """Note that a notice was read; again changes nothing."""
        try:
            notice = UUID(call.path["id"])
        except ValueError:
            raise not_found("notice") from None
        row = await self.database.row(SQL["read_notice"], notice, self.database.clock.now())
        if row is None:
            raise not_found("notice")
        return Notice(**row)

    async def deliveries(self, call: Call[None, DeliveryQuery]) -> Page[ShownDelivery]:
        """List what is still to be delivered, next first; of one command or prospect, what was delivered, too."""
        query = call.query
        after = _position(query.cursor)
        chosen = (query.command_id, query.prospect_id, query.executor)
        rows = await self.database.rows(SQL["deliveries"], *chosen, *after, query.limit + 1, _DELIVERING)
        shown, more = cut(rows, query.limit)
        following = encode_cursor(shown[-1]["due_at"].isoformat(), str(shown[-1]["command_id"])) if more else None
        return Page(items=[ShownDelivery(**row) for row in shown], next=following)

    async def _newest(self, statement: str, query: EffectQuery, *narrowed: Any) -> tuple[list[Row], str | None]:
        after = _position(query.cursor)
        rows = await self.database.rows(SQL[statement], query.prospect_id, *after, query.limit + 1, *narrowed)
        shown, more = cut(rows, query.limit)
        following = encode_cursor(shown[-1]["created_at"].isoformat(), str(shown[-1]["id"])) if more else None
        return list(shown), following


def _position(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    if cursor is None:
        return None, None
    moment, identity = decode_cursor(cursor, str, str)
    try:
        return datetime.fromisoformat(moment), UUID(identity)
    except ValueError:
        raise bad_cursor() from None
