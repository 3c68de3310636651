import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from services.chassis.ops_server import OpsServer
from services.chassis.settings import Ops


async def fine() -> str | None:
    return None


async def away() -> str | None:
    return "broker: away"


async def hanging() -> str | None:
    await asyncio.Event().wait()
    return None


@pytest.fixture
async def server() -> AsyncIterator[OpsServer]:
    made = OpsServer(Ops(port=0, check_timeout_s=0.05))
    async with made.serving():
        yield made


async def get(server: OpsServer, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{server.port}{path}") as response:
        return response.status, await response.text()


async def test_a_process_that_has_not_started_is_alive_and_not_ready(server: OpsServer) -> None:
    assert (await get(server, "/livez"))[0] == 200
    assert (await get(server, "/readyz"))[0] == 503


async def test_readiness_lists_the_checks_that_fail_and_why(server: OpsServer) -> None:
    server.started = True
    server.ready_when("database", fine)
    assert await get(server, "/readyz") == (200, '{"status": "ready", "failing": {}}')
    server.ready_when("kafka", away)
    server.ready_when("lag", hanging)
    status, body = await get(server, "/readyz")
    assert status == 503
    assert body == '{"status": "failing", "failing": {"kafka": "broker: away", "lag": "no answer in time"}}'


async def test_two_checks_cannot_share_a_name(server: OpsServer) -> None:
    server.ready_when("database", fine)
    with pytest.raises(ValueError, match="database"):
        server.ready_when("database", away)


async def test_metrics_are_in_prometheus_text(server: OpsServer) -> None:
    status, body = await get(server, "/metrics")
    assert status == 200
    assert "python_info{" in body
