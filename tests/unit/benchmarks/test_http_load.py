"""The load generator on a server of the test's own, over the loop that it is run with."""

import asyncio
from collections import Counter
from typing import Any

import uvloop
from aiohttp import web

from tests.benchmarks.floors.http_load import MARK, Load

SECONDS = 0.2


async def answers(**pace: int) -> tuple[dict[str, Any], Counter[str]]:
    bodies = Counter[str]()

    async def take(request: web.Request) -> web.Response:
        bodies[await request.text()] += 1
        return web.Response(status=202, body=b"thanks")

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        request = f"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 13\r\n\r\nn{MARK}"
        task = {"port": runner.addresses[0][1], "connections": 3, "seconds": SECONDS, "requests": [request], **pace}
        return await Load(task).run(), bodies
    finally:
        await runner.cleanup()


def loaded(**pace: int) -> tuple[dict[str, Any], Counter[str]]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(answers(**pace))


def test_every_request_is_answered_and_none_is_sent_twice() -> None:
    result, bodies = loaded()
    assert set(result["statuses"]) == {"202"}
    assert result["lost"] == 0
    assert 0 < result["requests"] <= bodies.total()
    assert set(bodies.values()) == {1}


def test_at_a_pace_it_tells_when_each_request_was_sent() -> None:
    result, bodies = loaded(per_s=50)
    assert result["statuses"] == {"202": 10}
    assert {f"n{number:012}" for number, _ in result["sent"]} == set(bodies)
