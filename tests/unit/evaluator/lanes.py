"""Lanes without a broker: what they send is kept in a list, and their checkpoints are never written."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka import ConsumerRecord, TopicPartition

from services.chassis.settings import Kafka
from services.evaluator.checkpoints import CheckpointWriter
from services.evaluator.evaluation import Evaluated, Evaluation
from services.evaluator.lanes import Lane
from services.evaluator.machine import Machine
from services.evaluator.settings import Evaluator
from services.evaluator.state_store import MemoryStore
from tests.support.toy_machine import ToyMachine, interactions

SOURCE = TopicPartition("finish.interactions.v1", 3)


@dataclass
class ManualClock:
    """Seconds that pass when a test says so."""

    seconds: float = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class Sent:
    """What lanes gave away, acknowledged when `open` is set."""

    runs: list[Evaluated] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self, partition: int, evaluated: Evaluated) -> None:
        await self.open.wait()
        self.runs.append(evaluated)


def lane(sent: Sent, clock: ManualClock, machine: Machine | None = None, source: TopicPartition = SOURCE) -> Lane:
    toy = machine or ToyMachine()
    made = Lane(
        source,
        settings=Evaluator(frames_ahead_max=2),
        machine=toy,
        evaluation=Evaluation(toy, 1 << 20),
        store=MemoryStore(toy, 100),
        publish=sent.publish,
        checkpoints=CheckpointWriter(Kafka(), "app", source, "states", 1),
        clock=clock,
    )
    made.place(10)
    return made


def frame(start: int, count: int) -> list[ConsumerRecord]:
    return list(_records(start, count))


def _records(start: int, count: int) -> Iterator[ConsumerRecord]:
    for number, (key, value) in enumerate(interactions(count, seed=start)):
        yield ConsumerRecord(
            SOURCE.topic, SOURCE.partition, start + number, 0, 0, key, value, None, len(key), len(value), ()
        )
