"""The broker or the database is killed under an executor's hands and comes back on its data."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from deploy import migrate, topics
from deploy.topics import Topics
from services.chassis.kafka import running
from services.chassis.settings import Kafka
from tests.integration.executors.bench import bench_of
from tests.integration.executors.cases import CASES
from tests.integration.executors.rig import Rig
from tests.support.eventually import eventually
from tests.support.servers import RunningKafka, RunningPostgres
from tests.support.service_process import ServiceProcess


@asynccontextmanager
async def _rig(kafka: Kafka, url: str) -> AsyncIterator[Rig]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True)
    async with bench_of("score", url) as bench:
        score = next(case for case in CASES if case.executor == "score")
        async with running(producer):
            yield Rig(score, bench, kafka, producer, [await bench.prospect() for _ in range(6)])


def _env(kafka: Kafka, url: str) -> dict[str, str]:
    return {
        "FA_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "FA_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "FA_POSTGRES__URL": url,
        "FA_EXECUTORS__BATCH_MAX_RECORDS": "3",
        "FA_EXECUTORS__RETRY_MAX_S": "0.5",
    }


async def test_a_database_that_is_killed_and_comes_back_misses_and_doubles_nothing(
    kafka_settings: Kafka, own_postgres: RunningPostgres, tmp_path: Path
) -> None:
    url = own_postgres.url_of("postgres")
    await migrate.migrate(url)
    async with (
        _rig(kafka_settings, url) as rig,
        ServiceProcess("services.executors", "score", env=_env(kafka_settings, url), folder=tmp_path) as process,
    ):
        await rig.send(60)
        await eventually(rig.bench.ledger)
        await own_postgres.child.kill()
        await rig.send(12)
        await eventually(lambda: _not_ready(process))
        await own_postgres.restart()
        await rig.send(12)
        await rig.expect_exactly_once()
        await process.wait_ready()


async def _not_ready(process: ServiceProcess) -> bool:
    return await process.not_ready() is not None


@pytest.mark.slow
async def test_a_broker_that_is_killed_and_comes_back_misses_and_doubles_nothing(
    own_kafka: RunningKafka, database_url: str, tmp_path: Path
) -> None:
    kafka = Kafka(bootstrap=own_kafka.bootstrap)
    await topics.apply(kafka, Topics(keyed_partitions=4, replicas=1))
    async with (
        _rig(kafka, database_url) as rig,
        ServiceProcess("services.executors", "score", env=_env(kafka, database_url), folder=tmp_path) as process,
    ):
        await rig.send(60)
        await eventually(rig.bench.ledger)
        await own_kafka.child.kill()
        sending = asyncio.ensure_future(rig.send(12))
        await own_kafka.child.start()
        await own_kafka.child.wait_ready()
        await asyncio.wait_for(sending, 30)
        await rig.expect_exactly_once()
        assert process.running
