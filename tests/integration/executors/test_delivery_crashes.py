"""The executors of tasks and notices as real processes, killed at every step: each effect once, in the end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from schemas.topics import commands as commands_topic
from services.chassis.settings import Kafka
from tests.integration.executors.bench import Bench, bench_of, command
from tests.integration.executors.delivering import CASES, Delivering, delivering
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess

COUNT = 12
INTAKE = ["before-transaction", "before-commit", "after-commit", "after-offsets"]
WORKER = ["before-delivery", "before-delivered", "after-delivered"]


@pytest.fixture
async def tags(database_url: str) -> AsyncIterator[Bench]:
    async with bench_of("tags", database_url) as opened:
        yield opened


async def _send(bench: Delivering, producer: AIOKafkaProducer, kafka: Kafka, documents: list[dict[str, Any]]) -> None:
    topic = kafka.topic(commands_topic(bench.name))
    for document in documents:
        await producer.send_and_wait(topic, orjson.dumps(document), key=document["prospect_id"].encode())


@pytest.mark.parametrize(
    ("name", "point"),
    [*(("tasks", point) for point in (*INTAKE, *WORKER)), ("notify", "before-commit"), ("notify", "before-delivered")],
)
async def test_killed_at_any_step_every_effect_is_there_once(
    name: str,
    point: str,
    database_url: str,
    env: dict[str, str],
    kafka_settings: Kafka,
    producer: AIOKafkaProducer,
    tmp_path: Path,
) -> None:
    assert name in CASES
    async with delivering(name, database_url) as bench:
        await bench.pool.execute(
            "INSERT INTO crm_push (url, headers, auth, records, updated_at)"
            """ VALUES ('https://crm.example/', '{}', '{"type": "none"}', '{task}', now())"""
        )
        prospects = [await bench.prospect(owner="ann") for _ in range(4)]
        documents = [bench.asks(prospects[number % 4]) for number in range(COUNT)]
        await _send(bench, producer, kafka_settings, documents)
        few = {"FA_EXECUTORS__BATCH_MAX_RECORDS": "3", "FA_EXECUTORS__DELIVERY_BATCH_MAX": "3"}
        armed = env | few | {"FA_FAIL": f"executor.{name}.{point}:2:kill"}
        doomed = ServiceProcess("services.executors", name, env=armed, folder=tmp_path)
        await doomed.start(wait_ready=False)
        assert await asyncio.wait_for(doomed.wait(), 30) == -9

        async with ServiceProcess("services.executors", name, env=env, folder=tmp_path):
            await eventually(lambda: _all_done(bench, documents), 30)
        assert len(await bench.effects()) == COUNT
        assert await bench.left() == 0
        pushed = "SELECT count(DISTINCT payload ->> 'id'), count(*) FROM outbox WHERE type = 'push'"
        row = await bench.pool.fetchrow(pushed)
        assert row is not None
        assert tuple(row) == ((COUNT, COUNT) if name == "tasks" else (0, 0))


async def _all_done(bench: Delivering, documents: list[dict[str, Any]]) -> bool:
    ledger = await bench.ledger()
    return {document["id"] for document in documents} == {
        command_id for command_id, state in ledger.items() if state == ("done", None)
    }


async def test_two_processes_share_the_work_and_each_effect_is_there_once(
    database_url: str,
    env: dict[str, str],
    kafka_settings: Kafka,
    producer: AIOKafkaProducer,
    tags: Bench,
    tmp_path: Path,
) -> None:
    """Half of the tasks wait for a record command that ends only when both are at work."""
    async with delivering("tasks", database_url) as bench:
        prospects = [await bench.prospect(owner="ann") for _ in range(4)]
        ahead = [command(prospect, "add_tags", {"tags": ["a"]}, 1) for prospect in prospects]
        documents = [
            bench.asks(prospects[number % 4], after={ahead[number % 4]["id"]: "hold"} if number % 2 else {})
            for number in range(40)
        ]
        few = env | {"FA_EXECUTORS__DELIVERY_BATCH_MAX": "2"}
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()
        async with (
            ServiceProcess("services.executors", "tasks", env=few, folder=tmp_path / "one"),
            ServiceProcess("services.executors", "tasks", env=few, folder=tmp_path / "two"),
        ):
            await _send(bench, producer, kafka_settings, documents)
            await eventually(lambda: _made(bench, 20), 30)
            await tags.settle(ahead)
            await eventually(lambda: _all_done(bench, documents + ahead), 30)
        assert len(await bench.effects()) == 40


async def _made(bench: Delivering, count: int) -> bool:
    return len(await bench.effects()) == count
