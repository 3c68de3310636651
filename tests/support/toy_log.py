"""The toy's log: filling it, and comparing everything that was written with one plain loop over it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from schemas import topics
from services.chassis import kafka
from services.chassis.kafka_batches import Record, batches, send_batches
from services.chassis.partitioner import partition_for
from services.chassis.settings import Kafka
from services.evaluator.checkpoints import POSITION_KEY
from tests.support.toy_machine import EXECUTORS, ToyMachine, ToyState

_CHUNK = 2000


class ToyLog:
    """The topics of one test, seen from outside the evaluator."""

    def __init__(
        self, settings: Kafka, producer: AIOKafkaProducer, group: AIOKafkaConsumer, sources: Sequence[TopicPartition]
    ) -> None:
        self._settings, self._producer, self._group, self._sources = settings, producer, group, sources
        self.partitions, self.appended = len(sources), 0

    async def append(self, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Add to the log of interactions, each to its key's partition; without a key to the first."""
        topic = self._settings.topic(topics.INTERACTIONS)
        by_partition: defaultdict[int, list[Record]] = defaultdict(list)
        for key, value in records:
            by_partition[0 if key is None else partition_for(key, self.partitions)].append((key, value, []))
            self.appended += 1
        for partition, rows in by_partition.items():
            for begin in range(0, len(rows), _CHUNK):
                packed = batches(self._settings, self._producer, rows[begin : begin + _CHUNK])
                await send_batches(self._settings, self._producer, topic, partition, packed)

    async def read(self, name: str) -> AsyncIterator[ConsumerRecord]:
        """Read a topic from its beginning to its end, committed records only."""
        reader = kafka.consumer(self._settings, client_id="toy-log", isolation="read_committed")
        async with kafka.running(reader):
            partitions = [TopicPartition(self._settings.topic(name), number) for number in range(self.partitions)]
            reader.assign(partitions)
            await reader.seek_to_beginning(*partitions)
            async for records in kafka.records_to_end(reader, partitions):
                for record in records:
                    yield record

    async def positions(self) -> dict[int, int]:
        """Return the position of each partition's newest checkpoint."""
        found = {}
        async for record in self.read(topics.EVALUATOR_STATE):
            if record.key == POSITION_KEY:
                found[record.partition] = orjson.loads(record.value)["offset"]
        return found

    async def evaluated(self) -> int:
        """Return how many records checkpoints cover."""
        return sum((await self.positions()).values())

    async def committed(self) -> int:
        """Return how many records the group's offsets cover: cheap to ask, and only that."""
        offsets = await asyncio.gather(*(self._group.committed(place) for place in self._sources))
        return sum(offset or 0 for offset in offsets)

    async def all_evaluated(self) -> bool:
        """Tell whether checkpoints cover the whole log."""
        return await self.committed() == self.appended == await self.evaluated()

    async def reset(self, offset: int) -> None:
        """Set the offsets of the group, nobody being in it, as a tool would."""
        await self._group.commit(dict.fromkeys(self._sources, offset))

    async def verdict(self) -> "Verdict":
        """Compare what stands in the topics with a plain loop over the log."""
        return await _compare(self)


@dataclass
class Verdict:
    """What was found, all empty but `repeats` when it is exact."""

    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    states_wrong: list[bytes] = field(default_factory=list)
    repeats: int = 0

    @property
    def exact(self) -> bool:
        """Tell whether every output is there, equal at every appearance, in order, and every state right."""
        return not (self.missing or self.unexpected or self.different or self.disordered or self.states_wrong)


async def _compare(log: ToyLog) -> Verdict:
    verdict, machine = Verdict(), ToyMachine()
    states: dict[tuple[int, bytes], ToyState] = {}
    wanted: dict[str, dict[str, bytes]] = {topics.DECISIONS: {}, **{topics.commands(name): {} for name in EXECUTORS}}
    async for record in log.read(topics.INTERACTIONS):
        place = (record.partition, record.key)
        step = machine.step(states.get(place), record.key, record.value, record.offset)
        states[place] = step.state
        for command in step.commands:
            wanted[topics.commands(command.executor)][_id(command.value)] = command.value
        for decision in step.decisions:
            wanted[topics.DECISIONS][_id(decision)] = decision
    for topic, outputs in wanted.items():
        await _compare_topic(log, topic, outputs, verdict)
    kept: dict[tuple[int, bytes], ToyState] = {}
    async for record in log.read(topics.EVALUATOR_STATE):
        if record.key != POSITION_KEY:
            kept[record.partition, record.key] = machine.decode(record.value)
    verdict.states_wrong = [key for key in kept.keys() | states.keys() if kept.get(key) != states.get(key)]  # type: ignore[misc]  # shown only
    return verdict


async def _compare_topic(log: ToyLog, topic: str, wanted: dict[str, bytes], verdict: Verdict) -> None:
    seen: set[str] = set()
    newest: dict[bytes, int] = {}
    async for record in log.read(topic):
        identity = _id(record.value)
        if wanted.get(identity, record.value) != record.value:
            verdict.different.append(identity)
        if identity in seen:
            verdict.repeats += 1
            continue
        seen.add(identity)
        order = orjson.loads(record.value)["seen"]
        if order < newest.get(record.key, 0):
            verdict.disordered.append(identity)
        newest[record.key] = order
    verdict.missing += sorted(wanted.keys() - seen)
    verdict.unexpected += sorted(seen - wanted.keys())


def _id(value: bytes) -> str:
    identity: str = orjson.loads(value)["id"]
    return identity


@asynccontextmanager
async def toy_log(settings: Kafka, partitions: int, group: str = "finish-evaluator") -> AsyncIterator[ToyLog]:
    """Open the log of a test, to be evaluated by this group."""
    producer = kafka.producer(settings, client_id="toy-log")
    offsets = kafka.consumer(settings, client_id="toy-log", isolation="read_committed", group=group)
    sources = [TopicPartition(settings.topic(topics.INTERACTIONS), number) for number in range(partitions)]
    async with kafka.running(producer), kafka.running(offsets):
        offsets.assign(sources)
        yield ToyLog(settings, producer, offsets, sources)
