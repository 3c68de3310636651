"""Many records of one partition sent as few closed batches: one future per batch, each acknowledgement awaited.

Two traps decide the shape. A batch that is not closed before `send_batch` waits for the linger. And an idempotent
producer that was refused a batch for good has lost its sequence: every later batch of that partition fails too, so the
only way on is a new producer (`ProducerDeadError`). Hence what the broker would refuse for its size is refused here.
"""

import asyncio
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from services.chassis.errors import PermanentError, RetryableError
from services.chassis.settings import Kafka

Headers = list[tuple[str, bytes]]
"""A list: the C code that packs records takes nothing else."""
Record = tuple[bytes | None, bytes | None, Headers]
"""Key, value (None: a tombstone), headers."""


class ProducerDeadError(Exception):
    """The producer was fenced or refused: whether its last batches stand is unknown, and it will send no more."""


class OversizeError(PermanentError):
    """One record is larger than a topic takes. `index` is its place among the records given."""

    def __init__(self, index: int, size_bytes: int) -> None:
        super().__init__(f"record of {size_bytes} bytes is larger than a topic takes")
        self.index = index
        self.size_bytes = size_bytes


def batches(kafka: Kafka, producer: AIOKafkaProducer, records: Iterable[Record]) -> list[BatchBuilder]:
    """Pack the records, in order, into closed batches of at most `batch_max_bytes`; a larger one travels alone.

    Raises OversizeError before anything was sent if a record exceeds `record_max_bytes`.
    """
    closed: list[BatchBuilder] = []
    batch = None
    for index, (key, value, headers) in enumerate(records):
        if batch is None or batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
            if batch is not None:
                closed.append(batch)
            batch = producer.create_batch()
            batch.append(timestamp=None, key=key, value=value, headers=headers)  # the first always finds room
            if batch.size() > kafka.record_max_bytes:
                raise OversizeError(index, batch.size())
    if batch is not None:
        closed.append(batch)
    for each in closed:
        each.close()
    return closed


async def send_batches(
    kafka: Kafka, producer: AIOKafkaProducer, topic: str, partition: int, batches: Sequence[BatchBuilder]
) -> None:
    """Send closed batches of one partition in order and wait until every one is acknowledged.

    Raises RetryableError when the time is over: the batches may still arrive, and will if this producer lives on.
    Raises ProducerDeadError when a new producer is needed.
    """
    try:
        async with asyncio.timeout(kafka.delivery_timeout_s):
            sent = [await producer.send_batch(batch, topic, partition=partition) for batch in batches]
            for acknowledgement in sent:
                await acknowledgement
    except TimeoutError:
        raise RetryableError(f"no acknowledgement from {topic}/{partition} in time") from None
    except (KafkaError, IllegalOperation) as exc:
        if getattr(exc, "retriable", False):
            raise RetryableError(f"{topic}/{partition}: {type(exc).__name__}") from exc
        raise ProducerDeadError(f"{topic}/{partition}: {type(exc).__name__}") from exc
