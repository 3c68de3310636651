"""`python -m services.executors` on a real broker: killed, suspended, poisoned, started alone and stopped."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.topics import commands as commands_topic
from services.chassis.settings import Kafka
from tests.integration.executors.rig import Rig
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess

POINTS = ["before-transaction", "before-commit", "after-commit", "after-offsets"]


@pytest.mark.parametrize(
    ("rig", "point"),
    [
        *(("tags", point) for point in POINTS),
        ("score", "before-commit"),
        ("fields", "after-commit"),
        ("owner", "before-commit"),
        ("lists", "after-commit"),
        ("leads", "before-commit"),
    ],
    indirect=["rig"],
)
async def test_killed_at_any_step_it_carries_out_every_command_once(
    rig: Rig, point: str, env: dict[str, str], tmp_path: Path
) -> None:
    name = rig.case.executor
    await rig.send(20)
    armed = env | {"FA_FAIL": f"executor.{name}.{point}:2:kill", "FA_EXECUTORS__BATCH_MAX_RECORDS": "5"}
    doomed = ServiceProcess("services.executors", name, env=armed, folder=tmp_path)
    await doomed.start(wait_ready=False)
    assert await asyncio.wait_for(doomed.wait(), 30) == -9
    async with ServiceProcess("services.executors", name, env=env, folder=tmp_path):
        await rig.send(5)
        await rig.expect_exactly_once()


@pytest.mark.parametrize("rig", ["tags"], indirect=True)
async def test_a_suspended_process_that_wakes_after_another_took_over_does_no_harm(
    rig: Rig, env: dict[str, str], tmp_path: Path
) -> None:
    small = env | {"FA_EXECUTORS__BATCH_MAX_RECORDS": "3"}
    async with ServiceProcess("services.executors", "tags", env=small, folder=tmp_path) as first:
        sending = asyncio.ensure_future(_stream(rig, 40))
        await eventually(rig.bench.ledger)
        first.suspend()
        async with ServiceProcess("services.executors", "tags", env=small, folder=tmp_path):
            await sending
            await eventually(rig.settled, 30)
            first.resume()
            await rig.send(30)
            await rig.expect_exactly_once()
            await first.wait_ready()


async def _stream(rig: Rig, times: int) -> None:
    for _ in range(times):
        await rig.send(5)


@pytest.mark.parametrize("rig", ["score"], indirect=True)
async def test_a_group_that_reads_everything_again_changes_nothing(
    rig: Rig, env: dict[str, str], kafka_settings: Kafka, tmp_path: Path
) -> None:
    await rig.send(30)
    async with ServiceProcess("services.executors", "score", env=env, folder=tmp_path):
        await rig.expect_exactly_once()
    await _rewind(kafka_settings, "score")
    async with ServiceProcess("services.executors", "score", env=env, folder=tmp_path) as again:
        await eventually(lambda: _sample(again, 'finish_executor_repeats_total{executor="score"}', 30))
        await rig.expect_exactly_once()


async def _rewind(kafka: Kafka, executor: str) -> None:
    """Commit the beginning of every partition for the executor's empty group."""
    topic = kafka.topic(commands_topic(executor))
    reader = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=kafka.group(f"finish.executor.{executor}"), enable_auto_commit=False
    )
    await reader.start()
    partitions = [TopicPartition(topic, number) for number in range(4)]
    reader.assign(partitions)
    await reader.commit(dict.fromkeys(partitions, 0))
    await reader.stop()


async def _sample(process: ServiceProcess, name: str, value: float) -> bool:
    return (await process.metrics()).get(name) == value


@pytest.mark.parametrize("rig", ["fields"], indirect=True)
async def test_poison_on_the_topic_ends_as_dead_letters_and_stops_no_partition(
    rig: Rig, env: dict[str, str], tmp_path: Path
) -> None:
    poison = [b"{bad", None, b"x" * 600_000, b'{"schema":9}', b'{"schema":1,"type":"grow_wings"}', b"\xff", b"[]"]
    for value in poison:
        for prospect_id in rig.prospects:
            await rig.send_bytes(value, prospect_id)
        await rig.send(6)
    async with ServiceProcess("services.executors", "fields", env=env, folder=tmp_path) as process:
        await rig.expect_exactly_once()
        letters = await rig.bench.dead_letters()
        assert len(letters) == len(poison) * len(rig.prospects)
        assert {letter["reason"] for letter in letters} == {"malformed", "oversize", "unknown_schema"}
        await eventually(lambda: _sample(process, 'finish_executor_lag_records{executor="fields"}', 0))
        metrics = await process.metrics()
        done = 'finish_effects_total{action_type="change_field_value",executor="fields",outcome="done"}'
        assert metrics[done] == len(rig.sent)
        assert metrics['finish_event_to_effect_seconds_count{executor="fields"}'] == len(rig.sent)
        assert metrics['finish_executor_dead_letters_total{executor="fields",reason="oversize"}'] == len(rig.prospects)


@pytest.mark.parametrize("rig", ["owner"], indirect=True)
async def test_between_commits_a_rebalance_and_a_stop_leave_all_that_is_settled_committed(
    rig: Rig, env: dict[str, str], kafka_settings: Kafka, tmp_path: Path
) -> None:
    seldom = env | {"FA_EXECUTORS__COMMIT_INTERVAL_S": "600", "FA_EXECUTORS__BATCH_MAX_RECORDS": "5"}
    async with ServiceProcess("services.executors", "owner", env=seldom, folder=tmp_path) as first:
        await rig.send(24)
        await rig.expect_exactly_once()
        await eventually(lambda: _sample(first, 'finish_executor_lag_records{executor="owner"}', 0))
        async with ServiceProcess("services.executors", "owner", env=seldom, folder=tmp_path) as second:
            await rig.send(24)
            await rig.expect_exactly_once()
            for process in (first, second):
                await eventually(partial(_sample, process, 'finish_executor_lag_records{executor="owner"}', 0))
                assert (await process.metrics()).get('finish_executor_repeats_total{executor="owner"}', 0) == 0
            for process in (first, second):
                await process.stop()
                assert process.exit_code == 0
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_settings.bootstrap)
    await admin.start()
    committed = await admin.list_consumer_group_offsets(kafka_settings.group("finish.executor.owner"))
    await admin.close()
    topic = kafka_settings.topic(commands_topic("owner"))
    assert (
        sum(meta.offset for part, meta in committed.items() if isinstance(part, TopicPartition) and part.topic == topic)
        == 48
    )


async def test_several_run_in_one_process_and_are_not_ready_without_the_database(
    env: dict[str, str], tmp_path: Path
) -> None:
    nowhere = env | {"FA_POSTGRES__URL": "postgresql://finish@127.0.0.1:1/none"}
    process = ServiceProcess("services.executors", "score", "tags", env=nowhere, folder=tmp_path)
    await process.start(wait_ready=False)
    try:
        await eventually(lambda: _says(process, "database"))
    finally:
        await process.stop()
    assert process.exit_code == 0


async def _says(process: ServiceProcess, name: str) -> bool:
    reason = await process.not_ready()
    return reason is not None and name in reason and "score" not in reason and "tags" not in reason


async def test_an_executor_that_does_not_exist_is_refused_with_one_sentence(
    env: dict[str, str], tmp_path: Path
) -> None:
    process = ServiceProcess("services.executors", "wings", env=env, folder=tmp_path)
    await process.start(wait_ready=False)
    assert await asyncio.wait_for(process.wait(), 30) == 2
    assert "invalid choice: 'wings'" in process.log
