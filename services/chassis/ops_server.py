"""The door for operators: `/livez` (the loop turns), `/readyz` (named checks), `/metrics` (Prometheus).

Liveness asks no dependency: restarting this process would not mend a broker. A check that hangs counts as failing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.chassis.http_server import Runner
from services.chassis.settings import Ops

Check = Callable[[], Awaitable[str | None]]
"""Returns None when ready, else the reason in a few words: no secret, no personal data."""


class OpsServer:
    """Readiness of one process: not ready until `started` is set, then as its checks say."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        self._checks: dict[str, Check] = {}
        self.started = False
        self.port = ops.port

    def ready_when(self, name: str, check: Check) -> None:
        """Add a check. Each `/readyz` asks all of them at once, within `check_timeout_s`."""
        if name in self._checks:
            raise ValueError(f"the check {name} is there already")
        self._checks[name] = check

    async def failing(self) -> dict[str, str]:
        """Return the failing checks and their reasons."""
        if not self.started:
            return {"start": "starting or stopping"}
        reasons = await asyncio.gather(*(self._ask(check) for check in self._checks.values()))
        return {name: reason for name, reason in zip(self._checks, reasons, strict=True) if reason is not None}

    async def _ask(self, check: Check) -> str | None:
        try:
            async with asyncio.timeout(self._ops.check_timeout_s):
                return await check()
        except TimeoutError:
            return "no answer in time"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen, and set `port` to the one that was taken."""
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        runner = Runner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._ops.host, self._ops.port)
            await site.start()
            self.port = runner.addresses[0][1]
            yield
        finally:
            await runner.cleanup()

    async def _livez(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        failing = await self.failing()
        body = {"status": "failing" if failing else "ready", "failing": failing}
        return web.json_response(body, status=503 if failing else 200)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
