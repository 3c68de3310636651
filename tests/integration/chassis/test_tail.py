import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord

from deploy import topics as deployed_topics
from deploy.topics import Topics
from schemas import topics
from services.chassis.clock import SystemClock
from services.chassis.kafka import producer, running
from services.chassis.settings import Kafka
from services.chassis.tail import Tail, TopicTail
from tests.support.eventually import eventually
from tests.support.servers import RunningKafka

QUICK = Tail(reconnect_max_s=0.2, answer_timeout_s=1.0, lag_max_s=1.0)


@asynccontextmanager
async def tailing(kafka: Kafka, seen: list[bytes | None]) -> AsyncIterator[TopicTail]:
    def see(record: ConsumerRecord) -> None:
        seen.append(record.value)

    tail = TopicTail(kafka, kafka.topic(topics.DEFINITIONS), see, client_id="test", clock=SystemClock(), tail=QUICK)
    task = asyncio.create_task(tail.run())
    try:
        yield tail
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def sender(kafka_settings: Kafka) -> AsyncIterator[AIOKafkaProducer]:
    async with running(producer(kafka_settings, client_id="test")) as started:
        yield started


async def send(sender: AIOKafkaProducer, kafka: Kafka, *values: bytes | None) -> None:
    for value in values:
        await sender.send_and_wait(kafka.topic(topics.DEFINITIONS), value, key=b"key")


async def test_what_was_there_is_read_before_it_is_ready_and_what_comes_follows(
    kafka_settings: Kafka, sender: AIOKafkaProducer
) -> None:
    seen: list[bytes | None] = []
    await send(sender, kafka_settings, b"1", None, b"2")
    async with tailing(kafka_settings, seen) as tail, asyncio.timeout(20):
        await tail.ready.wait()
        assert seen == [b"1", None, b"2"]
        await send(sender, kafka_settings, b"3")
        await tail.catch_up(5.0)
        assert seen == [b"1", None, b"2", b"3"]
        assert tail.position == 4
        await eventually(lambda: tail.lag_s < 1.0)
        assert await tail.unready() is None


async def test_an_empty_topic_is_ready_and_nobody_waits_for_more(kafka_settings: Kafka) -> None:
    async with tailing(kafka_settings, []) as tail, asyncio.timeout(20):
        await tail.catch_up(5.0)
        await tail.ready.wait()
        assert tail.position == 0


async def test_a_transaction_that_is_open_or_aborted_is_not_seen(kafka_settings: Kafka) -> None:
    seen: list[bytes | None] = []
    async with (
        running(producer(kafka_settings, client_id="test", transactional_id="t")) as lane,
        tailing(kafka_settings, seen) as tail,
        asyncio.timeout(20),
    ):
        await lane.begin_transaction()
        await send(lane, kafka_settings, b"aborted")
        await lane.abort_transaction()
        await lane.begin_transaction()
        await send(lane, kafka_settings, b"committed")
        assert seen == []
        await lane.commit_transaction()
        await tail.catch_up(5.0)
        assert seen == [b"committed"]


async def test_an_outage_of_the_broker_is_told_and_nothing_is_read_twice(own_kafka: RunningKafka) -> None:
    kafka = Kafka(bootstrap=own_kafka.bootstrap, request_timeout_ms=2_000)
    await deployed_topics.apply(kafka, Topics(keyed_partitions=1, replicas=1))
    seen: list[bytes | None] = []
    async with tailing(kafka, seen) as tail, asyncio.timeout(60):
        async with running(producer(kafka, client_id="test")) as sender:
            await send(sender, kafka, b"1", b"2")
        await eventually(lambda: tail.position == 2)
        await own_kafka.child.kill()
        await eventually(lambda: tail.lag_s > QUICK.lag_max_s)
        assert await tail.unready() == "1 s behind"
        with pytest.raises(TimeoutError):
            await tail.catch_up(0.5)
        await own_kafka.child.start()
        await own_kafka.child.wait_ready()
        async with running(producer(kafka, client_id="test")) as sender:
            await send(sender, kafka, b"3")
        await eventually(lambda: tail.position == 3, 20.0)
        assert seen == [b"1", b"2", b"3"]
        await tail.catch_up(5.0)
