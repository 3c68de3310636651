"""aiohttp's server without its own words: it answers an unreadable request by quoting it, and logs the quotation.

A header that breaks the protocol may be the one that holds a key, so nothing of it is told: the answer is a constant
problem, the log line a constant event with the kind of mistake.
"""

import structlog
from aiohttp import web

from services.chassis.problems import Problem

log = structlog.get_logger()


class _Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - the quotation
    ) -> web.StreamResponse:
        """Answer what no handler was asked about, or failed at past its middlewares, and close the connection."""
        unreadable = status < web.HTTPInternalServerError.status_code
        if unreadable:
            log.info("request_unreadable", kind=type(exc).__name__)
        else:
            log.error("request_failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        problem = (
            Problem(400, "malformed-request", "The request is not readable")
            if unreadable
            else Problem(500, "internal", "Something went wrong on our side")
        )
        response = problem.response()
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        made = super().__call__()
        made.__class__ = _Protocol  # aiohttp gives no other way to bring one's own; it adds methods only
        return made


class Runner(web.AppRunner):
    """Runs an application on connections that quote nothing."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        made.__class__ = _Server  # the same
        return made
