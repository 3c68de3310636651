"""Lanes in a process of their own, on a real broker."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from schemas import topics
from services.chassis import kafka
from services.chassis.process import EXIT_FAILED
from services.chassis.settings import Kafka
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess
from tests.support.toy_log import ToyLog, toy_log
from tests.support.toy_machine import interactions

TOY = "tests.support.toy_evaluator"


async def test_a_log_is_evaluated_exactly(log: ToyLog, env: dict[str, str], tmp_path: Path) -> None:
    await log.append(interactions(5_000, seed=1))

    async with ServiceProcess(TOY, env=env, folder=tmp_path):
        await eventually(log.all_evaluated, 30, poll_s=0.1)

    verdict = await log.verdict()
    assert verdict.exact, verdict
    assert verdict.repeats == 0


@pytest.mark.parametrize("offset", [0, 1], ids=["to the beginning", "elsewhere"])
async def test_a_group_whose_offsets_are_reset_goes_on_where_its_states_say(
    log: ToyLog, env: dict[str, str], offset: int, tmp_path: Path
) -> None:
    await log.append(interactions(2_000, seed=1))
    async with ServiceProcess(TOY, env=env, folder=tmp_path) as evaluator:
        await eventually(log.all_evaluated, 30, poll_s=0.1)
        await evaluator.stop()
        await log.reset(offset)
        await log.append(interactions(2_000, seed=2))

        await evaluator.start()
        await eventually(log.all_evaluated, 30, poll_s=0.1)

    verdict = await log.verdict()
    assert verdict.exact, verdict
    assert verdict.repeats == 0


async def test_a_group_without_any_offset_goes_on_where_the_states_say(
    log: ToyLog, env: dict[str, str], kafka_settings: Kafka, keyed_partitions: int, tmp_path: Path
) -> None:
    await log.append(interactions(2_000, seed=1))
    async with ServiceProcess(TOY, env=env, folder=tmp_path):
        await eventually(log.all_evaluated, 30, poll_s=0.1)
    await log.append(interactions(2_000, seed=2))
    fresh = env | {"FA_EVALUATOR__APP_ID": "another-group"}

    async with toy_log(kafka_settings, keyed_partitions, "another-group") as other:
        assert await other.committed() == 0
        other.appended = log.appended
        async with ServiceProcess(TOY, env=fresh, folder=tmp_path):
            await eventually(other.all_evaluated, 30, poll_s=0.1)

    verdict = await log.verdict()
    assert verdict.exact, verdict
    assert verdict.repeats == 0


async def test_a_gap_in_the_log_stops_the_process_before_anything_behind_it_is_believed(
    log: ToyLog, env: dict[str, str], kafka_settings: Kafka, tmp_path: Path
) -> None:
    async with ServiceProcess(TOY, env=env, folder=tmp_path) as evaluator:
        transactional: AIOKafkaProducer = kafka.producer(kafka_settings, client_id="test", transactional_id="test")
        async with kafka.running(transactional):
            for key, value in interactions(2, seed=1):
                async with transactional.transaction():  # its marker takes an offset that no record has
                    await transactional.send_and_wait(
                        kafka_settings.topic(topics.INTERACTIONS), value, key=key, partition=0
                    )

        assert await evaluator.wait() == EXIT_FAILED
        assert "expected 1, got 2" in evaluator.log.splitlines()[-1]
    decisions = [record async for record in log.read(topics.DECISIONS)]
    assert len(decisions) <= 1


async def test_lag_and_the_age_of_checkpoints_are_shown_per_partition(
    log: ToyLog, env: dict[str, str], keyed_partitions: int, tmp_path: Path
) -> None:
    await log.append(interactions(500, seed=1))
    fast = env | {"FA_EVALUATOR__WATCHDOG_INTERVAL_S": "0.2"}

    async with ServiceProcess(TOY, env=fast, folder=tmp_path) as evaluator:

        async def caught_up() -> bool:
            metrics = await evaluator.metrics()
            lags = [metrics.get(f'finish_evaluator_lag{{partition="{number}"}}') for number in range(keyed_partitions)]
            return lags == [0.0] * keyed_partitions

        await eventually(caught_up, 20)
        metrics = await evaluator.metrics()

    assert metrics["finish_evaluator_lanes"] == keyed_partitions
    assert metrics['finish_evaluator_checkpoint_age_seconds{partition="0"}'] == 0
