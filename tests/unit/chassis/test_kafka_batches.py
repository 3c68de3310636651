from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer

from services.chassis.kafka import producer
from services.chassis.kafka_batches import OversizeError, Record, batches
from services.chassis.settings import Kafka

KAFKA = Kafka(batch_max_bytes=1_000, record_max_bytes=5_000)


@pytest.fixture
async def idle_producer() -> AsyncIterator[AIOKafkaProducer]:
    """Never started: it only makes batches."""
    made = producer(KAFKA, client_id="test")
    yield made
    await made.stop()


def records(count: int, size_bytes: int) -> list[Record]:
    return [(b"%d" % number, b"x" * size_bytes, []) for number in range(count)]


def test_nothing_to_send_is_no_batch(idle_producer: AIOKafkaProducer) -> None:
    assert batches(KAFKA, idle_producer, []) == []


def test_every_record_is_in_one_closed_batch_within_the_limit(idle_producer: AIOKafkaProducer) -> None:
    made = batches(KAFKA, idle_producer, records(50, 100))
    assert len(made) > 1
    assert sum(batch.record_count() for batch in made) == 50
    assert all(batch.closed() and batch.size() <= KAFKA.batch_max_bytes for batch in made)


def test_a_record_larger_than_a_batch_travels_alone(idle_producer: AIOKafkaProducer) -> None:
    made = batches(KAFKA, idle_producer, [*records(1, 10), (b"k", b"x" * 3_000, []), *records(1, 10)])
    assert [batch.record_count() for batch in made] == [1, 1, 1]


def test_headers_and_tombstones_are_kept(idle_producer: AIOKafkaProducer) -> None:
    [batch] = batches(KAFKA, idle_producer, [(b"k", None, [("traceparent", b"00-abc")])])
    assert b"traceparent" in bytes(batch._build())


def test_a_record_larger_than_a_topic_takes_is_named_before_anything_is_sent(idle_producer: AIOKafkaProducer) -> None:
    with pytest.raises(OversizeError) as refused:
        batches(KAFKA, idle_producer, [*records(2, 10), (b"k", b"x" * 6_000, [])])
    assert refused.value.index == 2
