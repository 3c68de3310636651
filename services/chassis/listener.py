"""The listening socket of an HTTP service, with every bound of the protocol named: headers by count and size, and time."""

import asyncio

import structlog
from aiohttp import web
from pydantic import Field, PositiveFloat, PositiveInt

from services.chassis.http_server import Runner
from services.chassis.settings import Concern

log = structlog.get_logger()


class Listening(Concern):
    """Where a service listens. Port 0 takes a free one. Bodies have bounds of their own, `json_body.BodyLimits`."""

    host: str = "127.0.0.1"
    """In a container `0.0.0.0`, or nobody reaches it."""
    port: int = Field(default=8080, ge=0, le=65535)
    header_max_bytes: PositiveInt = 8 * 1024
    headers_max: PositiveInt = 64
    idle_timeout_s: PositiveFloat = 10.0
    """For the headers of a request to arrive, and between two requests on one connection."""
    linger_s: PositiveFloat = 2.0
    """After an answer that came before the body's end, so that the client reads it before the connection ends."""
    drain_timeout_s: PositiveFloat = 10.0
    """For requests in hand when the process stops."""


class Listener:
    """Serves an application; `port` is the one that was taken, None while nobody listens."""

    def __init__(self, app: web.Application, listening: Listening) -> None:
        self._app, self._listening = app, listening
        self.port: int | None = None

    async def serve(self, stopping: asyncio.Event) -> None:
        """Answer requests until `stopping` is set, then those in hand."""
        listening = self._listening
        runner = Runner(
            self._app,
            access_log=None,
            keepalive_timeout=listening.idle_timeout_s,
            lingering_time=listening.linger_s,
            shutdown_timeout=listening.drain_timeout_s,
            max_line_size=listening.header_max_bytes,
            max_field_size=listening.header_max_bytes,
            max_headers=listening.headers_max,
            auto_decompress=False,  # a compressed body is refused by whoever would read it
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, listening.host, listening.port).start()
            self.port = runner.addresses[0][1]
            log.info("listening", host=listening.host, port=self.port)
            await stopping.wait()
        finally:
            self.port = None
            await runner.cleanup()

    async def unready(self) -> str | None:
        """Readiness check: None while it listens."""
        return None if self.port else "not listening"
