"""`POST /v1/events`: interactions from tracking systems, answered 202 when they are durable."""

from collections.abc import Awaitable
from typing import Final

import orjson
from aiohttp import hdrs, web

from services.chassis.api_keys import ApiKeys
from services.ingest.acceptance import Acceptance
from services.ingest.posted import read_posted
from services.ingest.settings import Ingest

_HEADERS: Final = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


class Events:
    """The endpoint. The answer says in the order of the items what each became and which version decides it."""

    def __init__(self, keys: ApiKeys, acceptance: Acceptance, ingest: Ingest) -> None:
        self._keys, self._acceptance, self._ingest = keys, acceptance, ingest

    async def post(self, request: web.Request) -> web.Response:
        """Accept one event or a batch."""
        answer, durable = await self._accepted(request)
        await durable
        return web.Response(status=202, body=answer, headers=_HEADERS)

    async def _accepted(self, request: web.Request) -> tuple[bytes, Awaitable[None]]:
        key = await self._keys.verify(request.headers.get(hdrs.AUTHORIZATION), "events")
        items = await read_posted(request, self._ingest)
        accepted, durable = await self._acceptance.accept(items, key)
        answer = [{name: each.document[name] for name in ("id", "uid", "actionlistversion")} for each in accepted]
        return orjson.dumps({"accepted": answer}), durable
