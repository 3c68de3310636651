"""The HTTP application: every endpoint, its errors as problems, and every problem counted."""

from typing import Final

import orjson
from aiohttp import web

from services.chassis.errors import RetryableError
from services.chassis.problems import Handler, Problem, problems
from services.ingest import metrics
from services.ingest.browsers import ANSWER_HEADERS
from services.ingest.handlers.confirmations import Confirmations
from services.ingest.handlers.events import Events
from services.ingest.handlers.feeds import Feeds
from services.ingest.handlers.files import Files
from services.ingest.handlers.forms import Forms
from services.ingest.handlers.mails import Mails
from services.ingest.handlers.record_hooks import RecordHooks
from services.ingest.handlers.redirects import Redirects
from services.ingest.handlers.segment import Segments
from services.ingest.openapi import openapi

_DESCRIPTION: Final = orjson.dumps(openapi())


def application(
    *,
    events: Events,
    forms: Forms,
    redirects: Redirects,
    mails: Mails,
    files: Files,
    feeds: Feeds,
    segments: Segments,
    confirmations: Confirmations,
    hooks: RecordHooks,
) -> web.Application:
    """Serve the endpoints."""
    app = web.Application(middlewares=[problems, _counted])
    app.router.add_post("/v1/events", events.post)
    app.router.add_get("/openapi.json", _described)
    app.router.add_post("/v1/{kind:track|identify|page|screen|group|alias|batch}", segments.post)
    app.router.add_post("/v1/feeds/{service:[a-z]{1,16}}", feeds.post)
    app.router.add_post("/v1/hooks/{hook_id:[A-Za-z0-9_.-]{1,64}}", hooks.post)
    app.router.add_post("/s/{form_id:[A-Za-z0-9_.-]{1,64}}", forms.post)
    app.router.add_get("/s/{form_id:[A-Za-z0-9_.-]{1,64}}/nonce", forms.nonce)
    app.router.add_route("*", "/r/{token:.*}", redirects.answer)
    app.router.add_route("*", "/f/{token:.*}", files.answer)
    app.router.add_route("*", "/c/{token:.*}", mails.click)
    app.router.add_route("*", r"/o/{token:.*}.gif", mails.open)
    app.router.add_route("*", "/u/{token:.*}", mails.unsubscribe)
    app.router.add_route("*", "/confirm/{token:.*}", confirmations.answer)
    return app


async def _described(_request: web.Request) -> web.Response:
    return web.Response(body=_DESCRIPTION, content_type="application/json", headers=ANSWER_HEADERS)


@web.middleware
async def _counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        metrics.REFUSED.labels(problem.kind).inc()
        raise
    except RetryableError:
        metrics.REFUSED.labels("unavailable").inc()
        raise
    except web.HTTPException as exc:
        metrics.REFUSED.labels(str(exc.status)).inc()
        raise
