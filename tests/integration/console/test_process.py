"""The console as the process that is deployed, and its API while the database is away."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from deploy.local.ports import free_port
from deploy.migrate import migrate
from services.console.settings import Console
from tests.integration.console.conftest import PATIENT_KEYS, serving
from tests.support.deployment import add_key
from tests.support.eventually import eventually
from tests.support.servers import RunningPostgres
from tests.support.service_process import ServiceProcess
from tests.support.workspace import Refusal, workspace


async def test_the_process_serves_keeps_history_and_stops_in_order(stack_env: dict[str, str], tmp_path: Path) -> None:
    port = free_port()
    key = await add_key(stack_env["FA_POSTGRES__URL"])
    env = {**stack_env, "FA_CONSOLE__PORT": str(port)}
    async with (
        ServiceProcess("services.relay", env=stack_env, folder=tmp_path),
        ServiceProcess("services.console", env=env, folder=tmp_path) as process,
        workspace("", f"http://127.0.0.1:{port}", key) as work,
    ):
        prospect = await work.prospect(email="secret.person@example.com", fields={"city": "Timbuktu"})

        async def read_by_history() -> bool:
            samples = await process.metrics()
            name = 'finish_history_records_total{outcome="skipped",topic="finish.interactions.v1"}'
            return samples.get(name, 0.0) >= 1

        await eventually(read_by_history, 60.0)
        with pytest.raises(Refusal):
            await work.prospect(email="secret.person@example.com")
        metrics = " ".join(await process.metrics())
        assert 'route="/api/prospects",status="201"' in metrics
        await process.stop()
        assert process.exit_code == 0
        for private in ("secret.person", "Timbuktu", key, prospect):
            assert private not in process.log
            assert private not in metrics


async def test_the_database_away_is_503_and_then_all_goes_on(own_postgres: RunningPostgres) -> None:
    url = own_postgres.url_of("postgres")
    await migrate(url)
    async with serving(url, Console(port=0, keys=PATIENT_KEYS)) as console:
        assert (await console.work.api("GET", "/users"))["items"] == []
        await own_postgres.child.kill()
        async with console.work.session.get(f"{console.url}/api/users", headers=console.work.headers) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) >= 1
            assert (await answer.json())["type"] == "/problems/unavailable"
        await own_postgres.restart()

        async def answered() -> bool:
            try:
                return bool((await console.work.api("POST", "/lists", {"name": "L"}))["id"])
            except (Refusal, aiohttp.ClientError):
                return False

        await eventually(answered, 60.0)


async def test_headers_that_do_not_arrive_are_waited_for_no_longer_than_the_limit(database_url: str) -> None:
    async with serving(database_url, Console(port=0, idle_timeout_s=1.0)) as console:
        host, _, port = console.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /api/users HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        async with asyncio.timeout(30.0):
            assert await reader.read() == b""
        writer.close()
