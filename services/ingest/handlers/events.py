"""`POST /v1/events`: interactions from tracking systems, answered 202 when they are durable."""

import orjson
from aiohttp import web

from services.chassis.api_keys import ApiKeys
from services.ingest.acceptance import Acceptance
from services.ingest.posted import read_posted
from services.ingest.settings import Ingest


class Events:
    """The endpoint. The answer says in the order of the items what each became and which version decides it."""

    def __init__(self, keys: ApiKeys, acceptance: Acceptance, ingest: Ingest) -> None:
        self._keys, self._acceptance, self._ingest = keys, acceptance, ingest

    async def post(self, request: web.Request) -> web.Response:
        """Accept one event or a batch."""
        key = await self._keys.verify(request.headers.get("Authorization"), "events")
        items = await read_posted(request, self._ingest)
        accepted = await self._acceptance.accept(items, key)
        answer = [{name: each.document[name] for name in ("id", "uid", "actionlistversion")} for each in accepted]
        return web.Response(
            status=202,
            body=orjson.dumps({"accepted": answer}),
            content_type="application/json",
            headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        )
