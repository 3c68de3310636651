"""One lane's checkpoints: states and position in one transaction, so that they can never disagree.

Starting the writer fences every earlier owner of the partition: its next checkpoint fails, wherever it was paused. The
group's offset rides along for tools that show lag; nobody reads it here, for it can expire or be reset without the states.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError

from services.chassis import kafka
from services.chassis.errors import PermanentError, RetryableError
from services.chassis.failpoints import failpoint
from services.chassis.kafka_batches import ProducerDeadError, Record, batches, send_batches
from services.chassis.settings import Kafka

POSITION_KEY: Final = b"\0position"
"""No prospect's id begins so."""


class CheckpointError(Exception):
    """The checkpoint did not go through, or nobody can say: the lane must be hydrated anew, or its process end."""


class Position(NamedTuple):
    """Where the log is evaluated up to, in which epoch of the log, by a machine of which state format."""

    offset: int
    epoch: int
    format: int


def encode(position: Position) -> bytes:
    """Write a position as the state topic keeps it."""
    return orjson.dumps(position._asdict())


def decode(value: bytes) -> Position:
    """Read a position. Raises ValueError or TypeError when it is none."""
    document: dict[str, Any] = orjson.loads(value)
    numbers = [document.get(name) for name in Position._fields]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("a position is made of three numbers")
    return Position._make(numbers)


class CheckpointWriter:
    """The transactional producer of one partition."""

    def __init__(
        self, settings: Kafka, app_id: str, source: TopicPartition, state_topic: str, timeout_s: float
    ) -> None:
        self._kafka, self._source, self._state_topic, self._timeout_s = settings, source, state_topic, timeout_s
        self._app_id = app_id
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Take the partition over. What an earlier owner had begun is aborted before this returns."""
        self._producer = kafka.producer(
            self._kafka,
            client_id=f"{self._app_id}-checkpoint-{self._source.partition}",
            transactional_id=f"{self._app_id}-{self._source.partition}",
        )
        async with asyncio.timeout(self._timeout_s):
            await self._producer.start()

    async def write(self, states: Mapping[bytes, bytes], position: Position) -> None:
        """Write states and position, all or nothing. Raises CheckpointError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._write(states, position)
        except (KafkaError, IllegalOperation, AssertionError) as exc:  # of aiokafka's state machine, once it is fenced
            raise CheckpointError(type(exc).__name__) from exc
        except (ProducerDeadError, PermanentError, RetryableError) as exc:
            raise CheckpointError(str(exc)) from exc
        except TimeoutError:
            raise CheckpointError("no answer in time") from None

    async def _write(self, states: Mapping[bytes, bytes], position: Position) -> None:
        producer, partition = self._producer, self._source.partition
        if producer is None:
            raise CheckpointError("not started")
        records: list[Record] = [(key, value, []) for key, value in states.items()]
        records.append((POSITION_KEY, encode(position), []))
        packed = batches(self._kafka, producer, records)
        await producer.begin_transaction()
        await send_batches(self._kafka, producer, self._state_topic, partition, packed)
        await producer.send_offsets_to_transaction({self._source: position.offset}, self._kafka.group(self._app_id))
        failpoint("evaluator.before-commit")
        await producer.commit_transaction()

    async def close(self) -> None:
        """Let the producer go. One that was fenced may not stop cleanly: nothing hangs on it."""
        if self._producer is None:
            return
        with contextlib.suppress(Exception):
            async with asyncio.timeout(self._timeout_s):
                await self._producer.stop()
