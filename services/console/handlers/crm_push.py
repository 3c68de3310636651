"""The push of tasks and leads to the workspace's CRM."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.egress import EgressError, HostPort, checked
from services.chassis.problems import FieldError
from services.chassis.sql_files import load_sql
from services.console.bodies.crm_push import CrmPush, NewCrmPush
from services.console.refusals import not_found, refuse
from services.console.route import Call
from services.console.transactions import Database

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "crm_push.sql")


@dataclass(frozen=True, slots=True)
class CrmPushes:
    """The calls under /api/crm-push. `reachable` are the networks that webhooks may reach although they are not public."""

    database: Database
    reachable: frozenset[HostPort]

    async def read(self, _call: Call[None, None]) -> CrmPush:
        """Tell where to what is pushed. 404: nowhere."""
        row = await self.database.row(SQL["read"])
        if row is None:
            raise not_found("push")
        return CrmPush(**row)

    async def write(self, call: Call[NewCrmPush, None]) -> CrmPush:
        """Push from now on. Refused as a webhook's URL would be."""
        body = call.body
        try:
            checked(body.url, self.reachable)
        except EgressError as exc:
            refuse([FieldError("/url", str(exc))])
        shown = body.model_dump(mode="json")
        written = (shown["url"], shown["headers"], shown["auth"], sorted(set(body.records)), self.database.clock.now())
        row = await self.database.row(SQL["write"], *written)
        if row is None:
            raise not_found("push")
        return CrmPush(**row)

    async def delete(self, _call: Call[None, None]) -> None:
        """Push no more. What is under way still arrives."""
        if await self.database.row(SQL["delete"]) is None:
            raise not_found("push")
