"""Counts and times every request, by its route's template."""

import time

from aiohttp import web

from services.chassis.problems import Handler
from services.console.metrics import REQUEST_SECONDS, REQUESTS


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Measure one request; the outermost middleware, so that it sees what was answered."""
    started = time.perf_counter()
    response = await handler(request)
    resource = request.match_info.route.resource
    route = "unmatched" if resource is None else resource.canonical
    method = request.method if request.method in _METHODS else "other"
    REQUESTS.labels(method, route, str(response.status)).inc()
    REQUEST_SECONDS.labels(method, route).observe(time.perf_counter() - started)
    return response


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
