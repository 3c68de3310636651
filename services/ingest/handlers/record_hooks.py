"""`POST /v1/hooks/{hook_id}`: what a CRM tells of its records becomes the prospects', each record for itself.

Answered 200 with what came of each once all of it is durable. A repeat changes nothing, so whatever is answered otherwise may be
sent again as it was.
"""

import asyncio
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from services.chassis.api_keys import ApiKey, ApiKeys
from services.chassis.json_body import invalid, read_json
from services.chassis.postgres import Pool, translated
from services.chassis.problems import FieldError, Problem
from services.chassis.sql_files import load_sql
from services.ingest import metrics
from services.ingest.identifying import Identifying
from services.ingest.record_hooks import RecordHook, records_in, told
from services.ingest.segment import Ignored, authorization
from services.ingest.settings import RecordHooks as Limits

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "record_hooks.sql")
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class RecordHooks:
    """The endpoint, over the hooks that the workspace has."""

    def __init__(self, keys: ApiKeys, pool: Pool, identifying: Identifying, limits: Limits, timeout_s: float) -> None:
        self._keys, self._pool, self._identifying = keys, pool, identifying
        self._limits, self._timeout_s = limits, timeout_s

    async def post(self, request: web.Request) -> web.Response:
        """Take a record, or some."""
        key = await self._keys.verify(authorization(request, None), "events")
        hook_id = request.match_info["hook_id"]
        source = f"hooks/{hook_id}"
        if not key.may_send_as(source):
            raise Problem(
                403, "foreign-source", "This key may not send as that source", f"the source {source} is needed"
            )
        hook = await self._hook(hook_id)
        document = (await read_json(request, self._limits.body)).value
        records = records_in(hook, document)
        if not 0 < len(records) <= self._limits.records_max:
            raise invalid([FieldError(hook.records, f"must hold 1 to {self._limits.records_max} records")])
        came = [await self._taken(source, hook, record, key) for record in records]
        return web.json_response({"records": came}, headers=_HEADERS)

    async def _hook(self, hook_id: str) -> RecordHook:
        with translated():
            async with asyncio.timeout(self._timeout_s):
                row = await self._pool.fetchrow(SQL["find"], hook_id)
        if row is None:
            raise Problem(404, "not-found", "There is no such hook")
        return RecordHook(**row)

    async def _taken(self, source: str, hook: RecordHook, record: Any, key: ApiKey) -> dict[str, Any]:
        try:
            brought = await self._identifying.accept(source, told(hook, record), key)
        except Ignored:
            metrics.HOOK_RECORDS.labels("ignored").inc()
            return {"outcome": "ignored", "why": "names nobody who is known or may be made"}
        metrics.HOOK_RECORDS.labels(brought.outcome).inc()
        errors = [{"pointer": hook.mapping[field], "detail": why} for field, why in brought.unfit.items()]
        return {"outcome": brought.outcome, "prospect_id": str(brought.prospect_id), "errors": errors}
