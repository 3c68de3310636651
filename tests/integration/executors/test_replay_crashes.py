"""The process is killed around the transaction of a replay: its effect is there once, and its letter is gone."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.integration.executors.bench import command
from tests.integration.executors.rig import Rig
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess


@pytest.mark.parametrize("rig", ["score"], indirect=True)
@pytest.mark.parametrize("point", ["before-commit", "after-commit", "after-offsets"])
async def test_killed_at_any_step_a_replay_is_carried_out_once(
    rig: Rig, point: str, env: dict[str, str], tmp_path: Path
) -> None:
    lost = command(uuid4(), rig.case.type, rig.case.effective(4), 1)
    await rig.bench.settle([lost])
    (letter,) = await rig.bench.dead_letters()
    await rig.bench.ask(letter["id"])
    prospect_id = UUID(lost["prospect_id"])
    await rig.bench.pool.execute("INSERT INTO prospects (id) VALUES ($1)", prospect_id)
    await rig.send_documents([lost], letter["id"])
    armed = env | {"FA_FAIL": f"executor.score.{point}:1:kill"}
    doomed = ServiceProcess("services.executors", "score", env=armed, folder=tmp_path)
    await doomed.start(wait_ready=False)
    assert await asyncio.wait_for(doomed.wait(), 30) == -9
    async with ServiceProcess("services.executors", "score", env=env, folder=tmp_path):
        await rig.send_documents([lost], letter["id"])
        await rig.send(6)
        await eventually(lambda: _settled(rig, 7), 30)
    assert (await rig.bench.values(prospect_id)).score == 5
    assert len(await rig.bench.snapshots(prospect_id)) == 2
    assert await rig.bench.dead_letters() == []


async def _settled(rig: Rig, commands: int) -> bool:
    states = [state for state, _ in (await rig.bench.ledger()).values()]
    return states.count("done") == commands
