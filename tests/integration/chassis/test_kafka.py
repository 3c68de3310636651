import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError

from deploy import topics
from deploy.local.ports import free_port
from deploy.topics import Topics
from schemas.topics import DECISIONS
from services.chassis.errors import RetryableError
from services.chassis.kafka import caught_up, connection, consumer, producer, records_to_end, running, unreachable
from services.chassis.kafka_batches import ProducerDeadError, Record, batches, send_batches
from services.chassis.settings import Kafka
from tests.support.servers import RunningKafka


@pytest.fixture
def kafka(broker: str, unused_prefix: str) -> Kafka:
    return Kafka(bootstrap=broker, topic_prefix=unused_prefix, batch_max_bytes=10_000, delivery_timeout_s=10)


@pytest.fixture
async def topic(kafka: Kafka) -> str:
    """A topic that takes less than our settings say."""
    name = kafka.topic("chassis")
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 2, 1, topic_configs={"max.message.bytes": "50000"})])
    finally:
        await admin.close()
    return name


@pytest.fixture
async def sender(kafka: Kafka) -> AsyncIterator[AIOKafkaProducer]:
    async with running(producer(kafka, client_id="test")) as started:
        yield started


def records(count: int, size_bytes: int = 100) -> list[Record]:
    return [(b"%d" % number, b"x" * size_bytes, [("n", b"%d" % number)]) for number in range(count)]


async def read_all(kafka: Kafka, topic: str) -> list[bytes]:
    """Read partition 1 to its end as a consumer of committed records sees it."""
    async with running(consumer(kafka, client_id="test", isolation="read_committed")) as reader:
        partition = TopicPartition(topic, 1)
        reader.assign([partition])
        keys = [record.key async for chunk in records_to_end(reader, [partition]) for record in chunk]
        assert await caught_up(reader, await reader.end_offsets([partition]))
        return keys


async def test_what_was_acknowledged_is_read_back_whole_and_in_order(
    kafka: Kafka, topic: str, sender: AIOKafkaProducer
) -> None:
    packed = batches(kafka, sender, records(500))
    assert len(packed) > 1
    await send_batches(kafka, sender, topic, 1, packed)
    async with asyncio.timeout(20):
        assert await read_all(kafka, topic) == [b"%d" % number for number in range(500)]


async def test_reading_to_the_end_ends_behind_a_transactions_marker_and_without_what_was_aborted(
    kafka: Kafka, topic: str
) -> None:
    async with running(producer(kafka, client_id="test", transactional_id="lane-1")) as lane:
        await lane.begin_transaction()
        await send_batches(kafka, lane, topic, 1, batches(kafka, lane, records(3)))
        await lane.commit_transaction()
        await lane.begin_transaction()
        await send_batches(kafka, lane, topic, 1, batches(kafka, lane, records(9)))
        await lane.abort_transaction()
    async with asyncio.timeout(20):
        assert await read_all(kafka, topic) == [b"0", b"1", b"2"]


async def test_an_empty_partition_is_at_its_end(kafka: Kafka, topic: str) -> None:
    async with asyncio.timeout(20):
        assert await read_all(kafka, topic) == []


async def test_a_producer_that_was_refused_a_batch_for_good_is_dead_for_its_partition(
    kafka: Kafka, topic: str, sender: AIOKafkaProducer
) -> None:
    await send_batches(kafka, sender, topic, 1, batches(kafka, sender, records(1)))
    with pytest.raises(ProducerDeadError, match="MessageSizeTooLarge"):
        await send_batches(kafka, sender, topic, 1, batches(kafka, sender, records(1, size_bytes=100_000)))
    with pytest.raises(ProducerDeadError, match="OutOfOrder"):
        await send_batches(kafka, sender, topic, 1, batches(kafka, sender, records(1)))


async def test_a_younger_producer_of_the_same_transactional_id_fences_the_older(kafka: Kafka, topic: str) -> None:
    async with running(producer(kafka, client_id="older", transactional_id="lane-1")) as older:
        await older.begin_transaction()
        async with running(producer(kafka, client_id="younger", transactional_id="lane-1")):
            with pytest.raises(ProducerDeadError, match="ProducerFenced"):
                await send_batches(kafka, older, topic, 1, batches(kafka, older, records(1)))


async def test_a_batch_that_is_not_acknowledged_in_time_may_be_tried_again(
    kafka: Kafka, sender: AIOKafkaProducer
) -> None:
    impatient = kafka.model_copy(update={"delivery_timeout_s": 0.3})
    with pytest.raises(RetryableError, match="in time"):
        await send_batches(impatient, sender, kafka.topic("absent"), 0, batches(kafka, sender, records(1)))


async def test_readiness_asks_the_broker(sender: AIOKafkaProducer) -> None:
    assert await unreachable(sender) is None


async def test_while_the_broker_is_gone_readiness_says_so_sending_may_be_tried_again_and_stopping_ends(
    own_kafka: RunningKafka,
) -> None:
    kafka = Kafka(bootstrap=own_kafka.bootstrap, delivery_timeout_s=0.5)
    await topics.apply(kafka, Topics(keyed_partitions=1, replicas=1))
    topic = kafka.topic(DECISIONS)
    async with asyncio.timeout(20), running(producer(kafka, client_id="test"), stop_timeout_s=0.5) as sender:
        await send_batches(kafka, sender, topic, 0, batches(kafka, sender, records(1)))
        await own_kafka.child.kill()
        assert "broker" in str(await unreachable(sender))
        with pytest.raises(RetryableError, match="in time"):
            await send_batches(kafka, sender, topic, 0, batches(kafka, sender, records(1)))


async def test_without_a_broker_a_client_does_not_start() -> None:
    away = Kafka(bootstrap=f"127.0.0.1:{free_port()}")
    with pytest.raises(KafkaConnectionError):
        async with running(producer(away, client_id="test")):
            pytest.fail("it started")
