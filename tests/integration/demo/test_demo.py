"""The demo on the real services, broker and database: it ends well on a right workspace, a used one too, and only there."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from deploy.demo.run import demo
from deploy.errors import DeployError
from deploy.local.mail_sink import serving
from tests.support.deployment import Deployment, deployed

PROSPECTS = 25
INTERACTIONS = 70


@pytest.fixture
async def mail() -> AsyncIterator[tuple[int, int]]:
    async with serving("127.0.0.1", 0, 0) as ports:
        yield ports


@pytest.fixture
async def deployment(stack_env: Mapping[str, str], tmp_path: Path, mail: tuple[int, int]) -> AsyncIterator[Deployment]:
    (tmp_path / "hello.py").write_text("def handler(event, context): return {}")
    reached = {
        "FA_MAIL__PORT": str(mail[0]),
        "FA_WEBHOOK__ALLOW": f"127.0.0.1:{mail[1]}",
        "FA_LAMBDA__LOCAL_ENABLED": "true",
        "FA_LAMBDA__LOCAL_FOLDER": str(tmp_path),
    }
    async with deployed({**stack_env, **reached}, tmp_path) as running:
        yield running


@pytest.fixture
def stack_file(deployment: Deployment, tmp_path: Path, mail: tuple[int, int]) -> Path:
    work = deployment.workspace
    file = tmp_path / "stack.json"
    key = work.headers["Authorization"].removeprefix("Bearer ")
    file.write_text(
        json.dumps(
            {"ingest": work.ingest, "console": work.console, "api_key": key, "mail": f"http://127.0.0.1:{mail[1]}"}
        )
    )
    return file


async def test_every_effect_is_there_once_on_a_fresh_workspace_and_on_a_used_one(
    stack_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert await demo(stack_file, PROSPECTS, INTERACTIONS, seed=7) == 0
        shown = capsys.readouterr().out
        assert f"checked       {PROSPECTS} records" in shown
        assert "curl -s" in shown


async def test_a_value_that_nobody_should_have_written_fails_the_demo(
    deployment: Deployment, stack_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with deployment.database() as connection, asyncio.TaskGroup() as group:
        playing = group.create_task(demo(stack_file, PROSPECTS, INTERACTIONS, seed=7))

        async def created() -> bool:
            return bool(await connection.fetchval("SELECT count(*) FROM prospects") == PROSPECTS)

        await deployment.until(created)
        async with connection.transaction():
            await connection.execute("SET LOCAL finish.writer = 'backfill'")
            await connection.execute(
                """UPDATE prospects SET fields = fields || '{"phone": "planted"}'
                   WHERE id = (SELECT max(id::text)::uuid FROM prospects)"""
            )
    assert playing.result() == 1
    assert "field phone is 'planted'" in capsys.readouterr().out


async def test_no_stack_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="no stack is running there"):
        await demo(tmp_path / "stack.json", PROSPECTS, INTERACTIONS, seed=7)
    nobody = {
        "ingest": "http://127.0.0.1:1",
        "console": "http://127.0.0.1:1",
        "api_key": "fak_none",
        "mail": "http://127.0.0.1:9",
    }
    (tmp_path / "stack.json").write_text(json.dumps(nobody))
    with pytest.raises(DeployError, match="the demo cannot go on"):
        await demo(tmp_path / "stack.json", PROSPECTS, INTERACTIONS, seed=7)
