import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from services.chassis.listener import Listener, Listening
from services.chassis.problems import problems
from tests.support.eventually import eventually


async def _answer(_request: web.Request) -> web.Response:
    return web.Response(text="fine")


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    app = web.Application(middlewares=[problems])
    app.router.add_get("/", _answer)
    listening, stopping = Listener(app, Listening(port=0)), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(listening.serve(stopping))
        await eventually(lambda: listening.port)
        yield listening
        stopping.set()


async def ask(listener: Listener, raw: bytes) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    try:
        writer.write(raw)
        async with asyncio.timeout(5):
            return (await reader.read()).decode()
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer fak_SECRET\x01\r\n\r\n",
        b"fak_SECRET \x00\x01\r\n\r\n",
        b"GET /\x00fak_SECRET HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: fak_SECRET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Junk: fak_SECRET" + b"x" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_an_unreadable_request_is_neither_quoted_nor_logged(
    listener: Listener, raw: bytes, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await ask(listener, raw)
    assert answer.split(" ", 2)[1] == "400"
    assert "application/problem+json" in answer
    assert json.loads(answer.partition("\r\n\r\n")[2])["type"] == "/problems/malformed-request"
    assert "SECRET" not in answer + caplog.text + capsys.readouterr().out


async def test_headers_that_are_too_large_together_are_refused(listener: Listener) -> None:
    headers = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1_000) for number in range(20))
    answer = await ask(listener, b"GET / HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
    assert answer.split(" ", 2)[1] == "431"
    assert json.loads(answer.partition("\r\n\r\n")[2])["type"] == "/problems/headers-too-large"
