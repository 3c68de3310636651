import asyncio
import signal

import pytest
from aiokafka import TopicPartition

from deploy import topics as deployed_topics
from deploy.topics import Topics
from schemas import topics
from services.chassis.errors import RetryableError
from services.chassis.kafka import consumer, records_to_end, running
from services.chassis.kafka_batches import Record, batches, send_batches
from services.chassis.sending import sending
from services.chassis.settings import Kafka
from tests.support.servers import RunningKafka

TOPIC = topics.DEFINITIONS


def record(value: bytes) -> list[Record]:
    return [(b"key", value, [])]


async def values(kafka: Kafka) -> list[bytes]:
    async with running(consumer(kafka, client_id="test", isolation="read_committed")) as reader:
        reader.assign([TopicPartition(TOPIC, 0)])
        chunks = records_to_end(reader, reader.assignment())
        return [record.value async for chunk in chunks for record in chunk]


async def test_what_a_producer_gave_up_while_the_broker_was_away_never_arrives(own_kafka: RunningKafka) -> None:
    kafka = Kafka(bootstrap=own_kafka.bootstrap, delivery_timeout_s=1)
    await deployed_topics.apply(kafka, Topics(keyed_partitions=1, replicas=1))
    async with asyncio.timeout(60):
        async with sending(kafka, client_id="test") as first:
            await send_batches(kafka, first, TOPIC, 0, batches(kafka, first, record(b"before")))
            await own_kafka.child.kill()
            with pytest.raises(RetryableError):
                await send_batches(kafka, first, TOPIC, 0, batches(kafka, first, record(b"given up")))
        await own_kafka.child.start()
        await own_kafka.child.wait_ready()
        async with sending(kafka, client_id="test") as second:
            await send_batches(kafka, second, TOPIC, 0, batches(kafka, second, record(b"after")))
        assert await values(kafka) == [b"before", b"after"]


async def test_an_end_in_the_middle_of_a_send_does_not_wait_for_the_broker(own_kafka: RunningKafka) -> None:
    kafka = Kafka(bootstrap=own_kafka.bootstrap)
    await deployed_topics.apply(kafka, Topics(keyed_partitions=1, replicas=1))
    sent = 0
    with pytest.raises(TimeoutError):
        async with sending(kafka, client_id="test") as sender:
            await send_batches(kafka, sender, TOPIC, 0, batches(kafka, sender, record(b"before")))
            own_kafka.child.send(signal.SIGSTOP)  # soon it takes what is sent and says nothing
            async with asyncio.timeout(1):
                while True:
                    await send_batches(kafka, sender, TOPIC, 0, batches(kafka, sender, record(b"sent")))
                    sent += 1
    own_kafka.child.send(signal.SIGCONT)
    async with asyncio.timeout(30):
        arrived = await values(kafka)
    assert arrived in ([b"before", *[b"sent"] * sent], [b"before", *[b"sent"] * (sent + 1)])
