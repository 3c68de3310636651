"""Crashes, pauses and rebalances of real evaluators on a real broker, checked against one plain loop over the log.

The short forms run in `make test`, the long ones (marked slow) in `make chaos`.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from deploy import topics
from deploy.topics import Topics
from services.chassis.process import EXIT_FAILED
from services.chassis.settings import Kafka
from tests.support.eventually import eventually
from tests.support.servers import RunningKafka
from tests.support.service_process import ServiceProcess
from tests.support.toy_log import ToyLog, toy_log
from tests.support.toy_machine import interactions

TOY = "tests.support.toy_evaluator"
SESSION_S = 3.0
OWNED = "lanes_owned"
STALE = "finish_evaluator_stale_frames_total"
PARTITIONS = 4


@pytest.fixture
async def log(kafka_settings: Kafka, keyed_partitions: int) -> AsyncIterator[ToyLog]:
    async with toy_log(kafka_settings, keyed_partitions) as opened:
        yield opened


@pytest.fixture
def start(kafka_settings: Kafka, tmp_path: Path) -> Callable[..., ServiceProcess]:
    def evaluator(member: str | None = None, **settings: str) -> ServiceProcess:
        env = {
            "FA_KAFKA__BOOTSTRAP": kafka_settings.bootstrap,
            "FA_KAFKA__TOPIC_PREFIX": kafka_settings.topic_prefix,
            "FA_KAFKA__SESSION_TIMEOUT_MS": str(int(SESSION_S * 1000)),
        }
        static = {"FA_KAFKA__MEMBER_ID": member} if member else {}
        return ServiceProcess(TOY, env=env | static | settings, folder=tmp_path)

    return evaluator


@asynccontextmanager
async def feeding(log: ToyLog, count: int, *, per_s: int, seed: int) -> AsyncIterator[None]:
    """Append interactions at a rate while the body runs; all are there when it is left."""

    async def feed() -> None:
        rows, step = list(interactions(count, seed=seed)), max(per_s // 50, 1)
        for begin in range(0, count, step):
            await log.append(rows[begin : begin + step])
            await asyncio.sleep(1 / 50)

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        yield


def reached(log: ToyLog, count: float) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await log.committed() >= count

    return check


async def assert_exact(log: ToyLog, deadline_s: float = 60) -> None:
    await eventually(log.all_evaluated, deadline_s, poll_s=0.1)
    verdict = await log.verdict()
    assert verdict.exact, verdict


async def _killed_at_random(
    log: ToyLog, start: Callable[..., ServiceProcess], *, count: int, kills: int, member: str | None
) -> None:
    random = Random(count)
    await log.append(interactions(count, seed=2))
    goals = sorted(random.uniform(0.05, 0.9) * count for _ in range(kills))

    async with start(member) as evaluator:
        for goal in goals:
            await eventually(reached(log, goal), 60)
            await evaluator.kill()
            await evaluator.start(wait_ready=False)
        await assert_exact(log, 90)


async def test_killed_at_random_in_a_backlog_it_repeats_only_what_it_said(
    log: ToyLog, start: Callable[..., ServiceProcess]
) -> None:
    await _killed_at_random(log, start, count=15_000, kills=2, member="one")


@pytest.mark.slow
@pytest.mark.parametrize("member", ["one", None], ids=["static", "dynamic"])
async def test_killed_many_times_it_repeats_only_what_it_said(
    log: ToyLog, start: Callable[..., ServiceProcess], member: str | None
) -> None:
    await _killed_at_random(log, start, count=200_000, kills=12, member=member)


@pytest.mark.parametrize(
    ("place", "nth"),
    [
        ("before-send", 6),
        ("after-send", 6),
        pytest.param("before-checkpoint", PARTITIONS - 1, marks=pytest.mark.slow),
        ("before-commit", PARTITIONS - 1),
        pytest.param("after-checkpoint", PARTITIONS - 1, marks=pytest.mark.slow),
    ],
)
async def test_killed_at_a_step_boundary_it_goes_on_exactly(
    log: ToyLog, start: Callable[..., ServiceProcess], place: str, nth: int
) -> None:
    """Each partition may be through with one checkpoint: the last but one is written in any case."""
    await log.append(interactions(10_000, seed=9))
    async with start("one", FA_FAIL=f"evaluator.{place}:{nth}:kill") as doomed:
        await eventually(lambda: doomed.exit_code == -signal.SIGKILL, 30)

    async with start("one"):
        await assert_exact(log)


@pytest.mark.parametrize(
    ("count", "per_s"),
    [
        pytest.param(3_000, 500, marks=pytest.mark.slow, id="flowing"),
        pytest.param(30_000, 30_000, id="backlog"),
    ],
)
async def test_a_worker_suspended_beyond_its_session_is_fenced_when_it_wakes(
    log: ToyLog, start: Callable[..., ServiceProcess], count: int, per_s: int
) -> None:
    async with start("a") as first, start("b") as second:
        async with feeding(log, count, per_s=per_s, seed=3):
            await eventually(reached(log, count / 20), 30)
            await suspend_until_replaced(first, second)
        await eventually(log.all_evaluated, 60, poll_s=0.1)
        owned = first.log.count(OWNED)

        first.resume()

        await eventually(lambda: first.exit_code == EXIT_FAILED or first.log.count(OWNED) > owned, 30)
        await assert_exact(log)


async def test_a_worker_suspended_while_idle_hydrates_anew_and_goes_on(
    log: ToyLog, start: Callable[..., ServiceProcess]
) -> None:
    async with start("a") as first, start("b") as second:
        await log.append(interactions(2_000, seed=3))
        await eventually(log.all_evaluated, 60, poll_s=0.1)
        await suspend_until_replaced(first, second)
        owned = first.log.count(OWNED)

        first.resume()

        await eventually(lambda: first.log.count(OWNED) > owned, 30)
        await log.append(interactions(2_000, seed=4))
        await assert_exact(log)
        assert first.running


async def test_a_worker_suspended_while_idle_believes_nothing_that_it_knew_once_another_went_on(
    log: ToyLog, start: Callable[..., ServiceProcess]
) -> None:
    async with start("a") as first, start("b") as second:
        await log.append(interactions(2_000, seed=3))
        await eventually(log.all_evaluated, 60, poll_s=0.1)
        await suspend_until_replaced(first, second)
        await log.append(interactions(2_000, seed=4))
        await eventually(log.all_evaluated, 60, poll_s=0.1)
        owned = first.log.count(OWNED)

        first.resume()

        # It may fetch what the other evaluated before it hears that it was replaced: then it is fenced, and ends.
        await eventually(lambda: first.exit_code == EXIT_FAILED or first.log.count(OWNED) > owned, 30)
        if not first.running:
            await first.start()
        await log.append(interactions(2_000, seed=5))
        await assert_exact(log)
        assert first.running


async def suspend_until_replaced(first: ServiceProcess, second: ServiceProcess) -> None:
    owned = second.log.count(OWNED)
    first.suspend()
    await eventually(lambda: second.log.count(OWNED) > owned, 10 * SESSION_S)


async def test_workers_that_come_and_go_amid_full_queues_leave_no_trace(
    log: ToyLog, start: Callable[..., ServiceProcess]
) -> None:
    count = 30_000
    slow = {"TOY_ACK_S": "0.03", "FA_EVALUATOR__FRAME_RECORDS_MAX": "25", "FA_EVALUATOR__FRAMES_AHEAD_MAX": "1"}
    await log.append(interactions(count, seed=5))
    async with start(**slow) as staying:
        for leave, share in (("stop", 0.4), ("kill", 0.7)):
            async with start(**slow) as guest:
                await eventually(reached(log, count * share), 60)
                await getattr(guest, leave)()
        await assert_exact(log)
        assert staying.running
        assert (await staying.metrics())[STALE] > 0, "no frame was in hand when the partitions moved"


async def test_a_worker_told_to_stop_leaves_nothing_to_repeat(
    log: ToyLog, start: Callable[..., ServiceProcess]
) -> None:
    count = 20_000
    await log.append(interactions(count, seed=7))
    async with start() as evaluator:
        await eventually(reached(log, count / 10), 30)
        await evaluator.stop()
        assert evaluator.exit_code == 0
        await evaluator.start()
        await assert_exact(log)
    assert (await log.verdict()).repeats == 0


@pytest.mark.slow
async def test_a_storm_of_rebalances_leaves_no_trace(log: ToyLog, start: Callable[..., ServiceProcess]) -> None:
    random = Random(6)
    async with start() as staying:
        async with feeding(log, 120_000, per_s=2_000, seed=6):
            for turn in range(8):
                async with start() as guest:
                    await asyncio.sleep(random.uniform(0.2, 2.5))  # the moment is the point
                    await (guest.kill() if turn % 4 == 3 else guest.stop())
        await assert_exact(log, 120)
        assert staying.running


@pytest.mark.parametrize("away_s", [1.0, pytest.param(20.0, marks=pytest.mark.slow)])
async def test_a_broker_killed_and_started_again_costs_nothing(
    own_kafka: RunningKafka, tmp_path: Path, away_s: float
) -> None:
    settings = Kafka(bootstrap=own_kafka.bootstrap)
    await topics.apply(settings, Topics(keyed_partitions=PARTITIONS, replicas=1))
    env = {"FA_KAFKA__BOOTSTRAP": own_kafka.bootstrap}
    count = 40_000
    async with toy_log(settings, PARTITIONS) as log:
        await log.append(interactions(count, seed=8))
        async with ServiceProcess(TOY, env=env, folder=tmp_path) as evaluator:
            await eventually(reached(log, count / 10), 60)
            await own_kafka.child.kill()
            await asyncio.sleep(away_s)  # the outage is the point
            await own_kafka.child.start()
            await own_kafka.child.wait_ready()
            async with asyncio.TaskGroup() as group:
                supervisor = group.create_task(_started_again_when_it_ends(evaluator))
                await assert_exact(log, 120)
                supervisor.cancel()


async def _started_again_when_it_ends(evaluator: ServiceProcess) -> None:
    while True:
        await evaluator.wait()
        await evaluator.start(wait_ready=False)
