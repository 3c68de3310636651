"""A paused executor holds its commands, stays in its group, and goes on where it stopped."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from services.executors.adapters.pauses import Pauses
from tests.integration.executors.bench import bench_of, command
from tests.integration.executors.rig import Rig
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess

PAUSE = "INSERT INTO pauses (id, scope, target) VALUES ($1, $2, $3)"


@pytest.mark.parametrize("rig", ["tags"], indirect=True)
async def test_its_commands_wait_in_order_while_others_go_on_also_through_a_restart(
    rig: Rig, env: dict[str, str], tmp_path: Path
) -> None:
    async with ServiceProcess("services.executors", "tags", "score", env=env, folder=tmp_path) as process:
        await rig.send(12)
        await eventually(rig.settled, 30)
        await rig.bench.pool.execute(PAUSE, "one", "type", "remove_tags")
        await eventually(lambda: _paused(process, tags=1, score=0))
        await rig.send(12)
        await _another_executor_settles(rig)
        await process.restart()
        await eventually(lambda: _paused(process, tags=1, score=0))
        await rig.send(12)
        await _another_executor_settles(rig)
        assert await process.not_ready() is None
        assert await _tags_settled(rig) == 12
        await rig.bench.pool.execute("DELETE FROM pauses")
        await eventually(lambda: _tags_are_settled(rig, 36), 30)
        await rig.expect_exactly_once()
        assert await _paused(process, tags=0, score=0)


async def _paused(process: ServiceProcess, **executors: int) -> bool:
    metrics = await process.metrics()
    return all(metrics.get(f'finish_executor_paused{{executor="{name}"}}') == on for name, on in executors.items())


async def _tags_settled(rig: Rig) -> int:
    return int(await rig.bench.pool.fetchval("SELECT count(*) FROM command_ledger WHERE executor = 'tags'"))


async def _tags_are_settled(rig: Rig, count: int) -> bool:
    return await _tags_settled(rig) == count


async def _another_executor_settles(rig: Rig) -> None:
    """Send the score executor a command and wait for its end: what came before it had its time."""
    prospect_id = await rig.bench.prospect()
    other = command(prospect_id, "adjust_score", {"op": "add", "amount": 1}, 1)
    await rig.send_documents([other], executor="score")
    await eventually(lambda: _is_settled(rig, other["id"]), 30)


async def _is_settled(rig: Rig, command_id: str) -> bool:
    return command_id in await rig.bench.ledger()


async def test_until_it_is_known_everything_is_paused_and_afterwards_what_was_known_last(database_url: str) -> None:
    async with bench_of("tags", database_url) as bench:
        pauses = Pauses(bench.pool, poll_s=0.02, acquire_timeout_s=2.0)
        assert pauses.any_of({"add_tags"})
        watching = asyncio.create_task(pauses.watch())
        await eventually(lambda: not pauses.any_of({"add_tags"}))
        await bench.pool.execute(PAUSE, str(uuid4()), "destination", "add_tags")
        await bench.pool.execute(PAUSE, str(uuid4()), "type", "remove_tags")
        await eventually(lambda: pauses.any_of({"add_tags", "remove_tags"}))
        assert not pauses.any_of({"add_tags"})
        with capture_logs() as logs:
            await bench.pool.execute("DELETE FROM pauses; ALTER TABLE pauses RENAME TO elsewhere")
            await eventually(lambda: [line for line in logs if line["event"] == "pauses_unread"])
        assert pauses.any_of({"remove_tags"})
        await bench.pool.execute("ALTER TABLE elsewhere RENAME TO pauses")
        await eventually(lambda: not pauses.any_of({"remove_tags"}))
        watching.cancel()
        await asyncio.wait([watching])
