"""A stand-in for AWS Lambda that can fail: it answers `Invoke` as it is told, and keeps what it was asked."""

import asyncio
import base64
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web


@dataclass
class Invocations:
    """What was asked, and what is answered: the payload itself, unless something else is in the queue."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: deque[web.Response] = field(default_factory=deque)
    delay_s: float = 0.0

    async def invoke(self, request: web.Request) -> web.Response:
        body = await request.read()
        context = request.headers.get("X-Amz-Client-Context")
        self.asked.append(
            {
                "function": request.match_info["name"],
                "qualifier": request.query.get("Qualifier"),
                "kind": request.headers["X-Amz-Invocation-Type"],
                "context": None if context is None else orjson.loads(base64.b64decode(context)),
                "body": body,
            }
        )
        await asyncio.sleep(self.delay_s)
        if self.answers:
            return self.answers.popleft()
        waits = request.headers["X-Amz-Invocation-Type"] == "RequestResponse"
        headers = {"x-amzn-RequestId": "their-id"}
        return web.Response(status=200 if waits else 202, body=body if waits else b"", headers=headers)


def refusal(status: int, code: str, **headers: str) -> web.Response:
    """Return an error as the API tells it."""
    return web.json_response(
        {"Type": "User", "message": "secret"}, status=status, headers={"x-amzn-ErrorType": code, **headers}
    )


def failed(kind: str = "Unhandled") -> web.Response:
    """Return the answer of a function that raised an error."""
    return web.json_response({"errorMessage": "secret"}, headers={"X-Amz-Function-Error": kind})


@asynccontextmanager
async def invoke_stub() -> AsyncIterator[Invocations]:
    """Listen on a free port."""
    stub, app = Invocations(), web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_post("/2015-03-31/functions/{name}/invocations", stub.invoke)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield stub
    finally:
        await runner.cleanup()
