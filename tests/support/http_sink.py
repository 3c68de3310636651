"""A receiver of webhooks that keeps what it is sent and answers as it is told."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    method: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Sink:
    """What has come, and what is answered: 200, unless something else is in the queue."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: deque[web.Response] = field(default_factory=deque)
    delay_s: float = 0.0

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.path_qs, request.method, headers, await request.read()))
        await asyncio.sleep(self.delay_s)
        return self.answers.popleft() if self.answers else web.Response(text="thanks")


@asynccontextmanager
async def http_sink() -> AsyncIterator[Sink]:
    """Listen on a free port."""
    sink, app = Sink(), web.Application()
    app.router.add_route("*", "/{rest:.*}", sink.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sink.port = runner.addresses[0][1]
        yield sink
    finally:
        await runner.cleanup()
