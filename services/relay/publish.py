"""Rows of the outbox on their way into the log: definitions first, since what follows may cite them.

The records of one prospect go to one partition in the order of their rows. Repeats do no harm: snapshots are dropped by
version, interactions and triggers by id, list versions are immutable; a replay is carried out as long as its letter asks
for it. A replayed record goes to the topic that it came from, as it was, and says in a header which letter it is.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas import topics
from schemas.dead_letters import REPLAY_HEADER
from services.chassis.kafka_batches import OversizeError, ProducerDeadError, Record, batches, send_batches
from services.chassis.partitioner import partition_for
from services.chassis.settings import Kafka
from services.relay import metrics
from services.relay.outbox import COMMANDS, DEFINITIONS, DeadRow, Row

OVERSIZE: Final = "larger than a topic takes"


class Publisher:
    """Publishes over one producer. `still_leading` raises when this process may have been replaced: asked before each send."""

    def __init__(self, kafka: Kafka, producer: AIOKafkaProducer, still_leading: Callable[[], None]) -> None:
        self._kafka, self._producer, self._still_leading = kafka, producer, still_leading

    async def publish(self, rows: Sequence[Row]) -> list[DeadRow]:
        """Return when the broker has acknowledged all rows but those returned, which are too large.

        Raises RetryableError or ProducerDeadError: then nobody knows which rows it has, and the producer is of no more use.
        """
        by_topic: dict[str, list[Row]] = {topics.DEFINITIONS: []}
        for row in rows:
            by_topic.setdefault(_topic(row), []).append(row)
        dead: list[DeadRow] = []
        for topic, share in by_topic.items():
            if share:
                dead += await self._send(topic, await self._by_partition(topic, share))
        return dead

    async def _by_partition(self, topic: str, rows: Sequence[Row]) -> dict[int, list[Row]]:
        count = 1 if topic == topics.DEFINITIONS else await self._partitions(topic)
        shares: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            shares[_partition(row, count)].append(row)
        return shares

    async def _partitions(self, topic: str) -> int:
        return len(await self._producer.partitions_for(self._kafka.topic(topic)))

    async def _send(self, topic: str, shares: dict[int, list[Row]]) -> list[DeadRow]:
        dead: list[DeadRow] = []
        packed = {partition: self._pack(rows, dead) for partition, rows in shares.items()}
        self._still_leading()
        name = self._kafka.topic(topic)
        try:
            async with asyncio.TaskGroup() as group:
                for partition, closed in packed.items():
                    group.create_task(send_batches(self._kafka, self._producer, name, partition, closed))
        except ExceptionGroup as failed:
            raise _clearest(failed.exceptions)  # noqa: B904 - it has its own cause, the broker's answer
        metrics.PUBLISHED.labels(topic).inc(sum(map(len, shares.values())) - len(dead))
        return dead

    def _pack(self, rows: Sequence[Row], dead: list[DeadRow]) -> list[BatchBuilder]:
        left = list(rows)
        while True:
            try:
                return batches(self._kafka, self._producer, map(_record, left))
            except OversizeError as exc:
                dead.append(DeadRow(left.pop(exc.index), "oversize", OVERSIZE))


def _clearest(failures: Sequence[Exception]) -> Exception:
    return min(failures, key=lambda each: not isinstance(each, ProducerDeadError))


def _topic(row: Row) -> str:
    if row.letter is not None:
        return row.letter.topic
    if row.aggregatetype.startswith(COMMANDS):
        return topics.commands(row.aggregatetype.removeprefix(COMMANDS))
    return topics.DEFINITIONS if row.aggregatetype == DEFINITIONS else topics.INTERACTIONS


def _partition(row: Row, count: int) -> int:
    """Return where its key belongs; a replay without one goes where it was."""
    if (letter := row.letter) is None:
        return partition_for(row.aggregateid.encode(), count)
    return letter.partition % count if letter.key is None else partition_for(letter.key, count)


def _record(row: Row) -> Record:
    if row.letter is not None:
        return row.letter.key, row.letter.value, [(REPLAY_HEADER, str(row.letter.id).encode())]
    return row.aggregateid.encode(), compact(row.payload), []


def compact(payload: str) -> bytes:
    """Write JSON without the database's spaces. What is no JSON to us (a number past a double) goes as it is: its reader
    refuses it and it ends as a dead letter there, with its place in the log."""
    try:
        return orjson.dumps(orjson.loads(payload))
    except orjson.JSONDecodeError:
        return payload.encode()
