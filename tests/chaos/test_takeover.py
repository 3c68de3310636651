"""Evaluators that take partitions over from each other, with the product's machine, services and database behind them.

The log's own laws under the same faults, on far more records, stand in `test_evaluator_crashes.py`.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from services.chassis.process import EXIT_FAILED
from services.chassis.settings import Kafka
from tests.chaos.model.checker import assert_exact, check
from tests.support.deployment import Deployment, deployed
from tests.support.drain import EVALUATORS, drained, lag, log_size
from tests.support.eventually import eventually
from tests.support.groups import forget
from tests.support.keeper import kept
from tests.support.load import Load
from tests.support.stories import Scene, make_scene, touches

OWNED: Final = "lanes_owned"
DEADLINE_S: Final = 60.0


@pytest.fixture
async def deployment(stack_env: dict[str, str], tmp_path: Path) -> AsyncIterator[Deployment]:
    """Yield a system with two evaluators, short sessions, and frames so small that a backlog fills their queue."""
    env = stack_env | {
        "FA_KAFKA__SESSION_TIMEOUT_MS": "4000",
        "FA_EVALUATOR__FRAME_RECORDS_MAX": "1",
        "FA_EVALUATOR__FRAMES_QUEUED_MAX": "4",
        "FA_EVALUATOR__FRAMES_AHEAD_MAX": "1",
    }
    async with deployed(env, tmp_path, evaluators=("first", "second")) as running:
        yield running


@pytest.fixture
async def scene(deployment: Deployment) -> Scene:
    return await make_scene(deployment.workspace)


async def assert_as_expected(deployment: Deployment, kafka_settings: Kafka, scene: Scene, load: Load) -> None:
    await drained(kafka_settings, deployment.database_url, DEADLINE_S)
    assert_exact(await check(deployment.database_url, load.claim()))


async def test_an_evaluator_suspended_past_its_session_does_no_harm_when_it_wakes(
    deployment: Deployment, kafka_settings: Kafka, scene: Scene
) -> None:
    first, second = deployment.processes["first"], deployment.processes["second"]
    load = Load(deployment.workspace, scene, deployment.database_url, seed=21, lanes=8, per_s=20)

    async def accept(more: int) -> None:
        goal = load.log.accepted + more
        await eventually(lambda: load.log.accepted >= goal, DEADLINE_S)

    async with kept(deployment.processes) as keeper, asyncio.TaskGroup() as group:
        group.create_task(load.run())
        await accept(30)
        owned = second.log.count(OWNED)
        first.suspend()
        await eventually(lambda: second.log.count(OWNED) > owned, DEADLINE_S)
        await accept(60)
        owned = first.log.count(OWNED)
        first.resume()
        await eventually(lambda: keeper.ended["first"] or first.log.count(OWNED) > owned, DEADLINE_S)
        await accept(30)
        load.stop()
    await assert_as_expected(deployment, kafka_settings, scene, load)
    assert set(keeper.ended["first"]) <= {EXIT_FAILED}
    assert keeper.ended["second"] == []


async def test_an_evaluator_that_joins_amid_a_full_queue_and_is_killed_leaves_no_trace(
    deployment: Deployment, kafka_settings: Kafka, scene: Scene
) -> None:
    first, second = deployment.processes["first"], deployment.processes["second"]
    load = backlog(deployment, scene, seed=22)
    for name in ("first", "second"):
        await deployment.stop(name)
    owned = first.log.count(OWNED), second.log.count(OWNED)
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run())
        await eventually(lambda: load.log.accepted >= 500, DEADLINE_S)
        await asyncio.gather(*(process.start(wait_ready=False) for process in (first, second)))
        await eventually(lambda: first.log.count(OWNED) > owned[0] and second.log.count(OWNED) > owned[1], DEADLINE_S)
        await eventually(lambda: lag(kafka_settings, EVALUATORS), DEADLINE_S)
        await second.kill()
        load.stop()
    await assert_as_expected(deployment, kafka_settings, scene, load)
    assert first.running


async def test_a_group_that_lost_its_offsets_goes_on_where_the_states_stand(
    deployment: Deployment, kafka_settings: Kafka, scene: Scene
) -> None:
    load = backlog(deployment, scene, seed=23)
    running = asyncio.ensure_future(load.run())
    await eventually(lambda: load.log.accepted >= 60, DEADLINE_S)
    load.stop()
    await running
    await assert_as_expected(deployment, kafka_settings, scene, load)
    for name in ("first", "second"):
        await deployment.stop(name)
    evaluated = await log_size(kafka_settings)
    await forget(kafka_settings, EVALUATORS)
    later = backlog(deployment, scene, seed=24)
    await fill_the_log(deployment, later, 60)

    await deployment.start("first")

    load.log.prospects |= later.log.prospects
    await assert_as_expected(deployment, kafka_settings, scene, load)
    metrics = await deployment.processes["first"].metrics()
    counted = sum(count for name, count in metrics.items() if name.startswith("finish_evaluator_evaluated_total"))
    assert counted == await log_size(kafka_settings) - evaluated, "it began elsewhere than where the states stand"


def backlog(deployment: Deployment, scene: Scene, *, seed: int) -> Load:
    return Load(deployment.workspace, scene, deployment.database_url, seed=seed, lanes=16, per_s=500, tell=touches)


async def fill_the_log(deployment: Deployment, load: Load, count: int) -> None:
    """Stop the evaluators and let at least `count` interactions be accepted."""
    for name in ("first", "second"):
        await deployment.stop(name)
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run())
        await eventually(lambda: load.log.accepted >= count, DEADLINE_S)
        load.stop()
