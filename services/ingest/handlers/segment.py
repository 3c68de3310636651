"""`POST /v1/track`, `/v1/identify`, `/v1/batch`: an analytics SDK becomes a tracker by changing its host; the write key is an API
key. Answered 200 when all of it is durable or counted as nothing; a body that is no message is 400, which no SDK sends again.
"""

from typing import Final

from aiohttp import web

from services.chassis.api_keys import ApiKey, ApiKeys
from services.chassis.clock import Clock
from services.chassis.problems import Problem
from services.ingest import metrics
from services.ingest.acceptance import Acceptance
from services.ingest.identifying import Identifying
from services.ingest.posted import Posted
from services.ingest.segment import (
    SOURCE,
    Ignored,
    Message,
    authorization,
    identified,
    read_messages,
    tracked,
)
from services.ingest.settings import Segment

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_TOO_LARGE: Final = 413


class Segments:
    """The endpoints."""

    def __init__(
        self, keys: ApiKeys, acceptance: Acceptance, identifying: Identifying, clock: Clock, limits: Segment
    ) -> None:
        self._keys, self._acceptance, self._identifying = keys, acceptance, identifying
        self._clock, self._limits = clock, limits

    async def post(self, request: web.Request) -> web.Response:
        """Take a message or a batch."""
        try:
            messages, write_key = await read_messages(request, request.match_info["kind"], self._limits)
        except Problem as problem:
            if problem.status == _TOO_LARGE:
                raise Problem(400, problem.kind, problem.title, problem.detail, headers=problem.headers) from None
            raise
        key = await self._keys.verify(authorization(request, write_key), "events")
        if not key.may_send_as(SOURCE):
            raise Problem(
                403, "foreign-source", "This key may not send as that source", f"the source {SOURCE} is needed"
            )
        tracks: list[Posted] = []
        for message in messages:
            try:
                await self._take(message, tracks, key)
            except Ignored as ignored:
                metrics.SEGMENT_IGNORED.labels(ignored.why).inc()
        await self._kept(tracks, key)
        return web.json_response({"success": True}, headers=_HEADERS)

    async def _take(self, message: Message, tracks: list[Posted], key: ApiKey) -> None:
        """Put a `track` to the others, and act on an `identify` once these are kept. Raises Ignored."""
        match message.kind:
            case "track":
                tracks.append(tracked(message, self._clock.now()))
            case "identify":
                await self._kept(tracks, key)
                await self._identifying.accept(message.source, identified(message), key)
            case _:
                raise Ignored("type")

    async def _kept(self, tracks: list[Posted], key: ApiKey) -> None:
        """Accept what was tracked so far, in order, each that can be, and start anew."""
        items, why = await self._acceptance.acceptable(tracks, key)
        for reason, count in why.items():
            metrics.SEGMENT_IGNORED.labels(reason).inc(count)
        tracks.clear()
        if items:
            _, durable = await self._acceptance.accept(items, key)
            await durable
