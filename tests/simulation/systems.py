"""The processes of the product, over what stands in for its servers: evaluators, executors, the relay."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from random import Random
from types import SimpleNamespace
from typing import Any, Final, cast
from unittest.mock import patch

from aiokafka import TopicPartition

from core.definitions import Definitions
from core.limits import DEFAULT
from schemas import topics
from services.chassis.settings import Kafka
from services.evaluator.checkpoints import CheckpointError, CheckpointWriter, Position
from services.evaluator.evaluation import Evaluated, Evaluation
from services.evaluator.failing import or_stop
from services.evaluator.hydration import Hydration
from services.evaluator.lanes import Lane
from services.evaluator.machine import CoreMachine
from services.evaluator.ownership import Ownership
from services.evaluator.settings import Evaluator
from services.evaluator.state_store import MemoryStore
from services.executors.registry import executors
from services.executors.runtime.consumer import CommandConsumer
from services.executors.runtime.pipeline import Pipeline
from services.executors.runtime.settlement import settle
from services.executors.settings import Executors
from tests.simulation.broker import Broker, Reader, partition_of
from tests.simulation.processes import LIFE, Life, Process
from tests.simulation.store import Store, Transactions

RECORD_MAX_BYTES: Final = 1_000_000
_IDLE_S: Final = 4.0
_KAFKA: Final = Kafka.model_construct(topic_prefix="", bootstrap="")
_EVALUATOR: Final = Evaluator(checkpoint_interval_ms=500, frames_ahead_max=2, states_decoded_max=1)
_EXECUTORS: Final = Executors(lanes=2, poll_ms=4000, batch_max_records=5, commit_interval_s=0.3)
_REGISTRY: Final = executors()
_STANDBY_S: Final = 0.5
_SLOW_SHARE: Final = 0.15
_SLOW_SHARE_AT_FIRST: Final = 0.5
"""Of a batch that the one before may have sent already."""
_SLOW_S: Final = (0.1, 0.6, 2.0)


class ProcessEnded(Exception):
    """The process has ended itself."""


def _fail_stop(reason: str) -> None:
    LIFE.get().end()
    raise ProcessEnded(reason)


@asynccontextmanager
async def _running(reader: Reader) -> Any:
    await reader.start()
    yield reader


@contextmanager
def in_memory() -> Iterator[None]:
    """Let the runtimes meet these readers where they would make clients, and end a life where they would end the process."""
    clients = SimpleNamespace(consumer=lambda settings, **more: settings.reader(more["group"]), running=_running)
    with (
        patch("services.evaluator.failing.fail_stop", _fail_stop),
        patch("services.evaluator.failing.log", SimpleNamespace(critical=lambda *_, **__: None)),
        patch("services.executors.runtime.consumer.kafka", clients),
        patch("services.executors.runtime.consumer.log", _Silence()),
        patch("services.executors.runtime.pipeline.log", _Silence()),
        patch("services.evaluator.ownership.log", _Silence()),
    ):
        yield


class _Silence:
    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class _Connection(SimpleNamespace):
    """Settings that know whose life they are for."""

    def topic(self, name: str) -> str:
        return name

    def reader(self, group: str) -> Reader:
        return Reader(self.broker, self.life, group)


class Executing:
    """The record executors in one process."""

    def __init__(self, broker: Broker, store: Store, names: Collection[str]) -> None:
        self._broker, self._store, self._names = broker, store, names

    async def __call__(self, life: Life) -> None:
        async with asyncio.TaskGroup() as group:
            for name in self._names:
                pipeline = Pipeline(
                    _REGISTRY[name],
                    Transactions(self._store, life, name),
                    cast("Any", settle),
                    life,
                    _EXECUTORS,
                )
                settings = cast("Kafka", _Connection(broker=self._broker, life=life))
                consumer = CommandConsumer(_REGISTRY[name], pipeline, settings, _EXECUTORS, lambda: False)
                group.create_task(consumer.run())


class Relaying:
    """A relay: what is committed goes into the log, in order, and only then out of the outbox.

    One that was held and replaced meanwhile goes on with its batch before it learns of it.
    """

    def __init__(self, broker: Broker, store: Store, random: Random) -> None:
        self._broker, self._store, self._random = broker, store, random

    async def __call__(self, life: Life) -> None:
        slow_share = _SLOW_SHARE_AT_FIRST
        while True:
            await life.boundary()
            if not self._store.leads(life):
                await asyncio.sleep(_STANDBY_S)
                continue
            if not self._store.up or not self._store.visible:
                await self._store.more(_IDLE_S)
                continue
            batch = self._store.outbox[: min(self._store.visible, self._random.randint(1, 6))]
            for prospect_id, value in batch:
                await self._broker.send(
                    life, topics.INTERACTIONS, partition_of(prospect_id), [(prospect_id.encode(), value, [])]
                )
                if self._random.random() < slow_share:  # others write in between, when this is a repeat as well
                    await asyncio.sleep(self._random.choice(_SLOW_S))
            slow_share = _SLOW_SHARE
            await life.boundary()
            self._store.take_away(life, len(batch))


class _Checkpoints(CheckpointWriter):
    """A partition's states behind a fence: all of a checkpoint or nothing, and sometimes nobody can say."""

    def __init__(self, broker: Broker, life: Life, partition: int) -> None:
        self._broker, self._life, self._partition = broker, life, partition
        self.fence = -1

    async def start(self) -> None:
        """Fence whoever had it."""
        await self._life.boundary()
        self._broker.fences[self._partition] += 1
        self.fence = self._broker.fences[self._partition]

    async def write(self, states: Mapping[bytes, bytes], position: Position) -> None:
        """Write. Raises CheckpointError."""
        await self._life.boundary()
        if not self._broker.up:
            raise CheckpointError("no answer in time")
        if self.fence != self._broker.fences[self._partition]:
            raise CheckpointError("fenced")
        lost = self._broker.strikes(self._broker.checkpoints_lost)
        if not lost or self._broker.strikes(0.5):
            self._broker.states[self._partition] |= states
            self._broker.positions[self._partition] = position
            self._broker.groups[topics.EVALUATOR_GROUP].committed[self._partition] = position.offset
        if lost:
            raise CheckpointError("no answer in time")
        await self._life.boundary()

    async def close(self) -> None:
        """Let go."""


class _Hydration(Hydration):
    def __init__(self, broker: Broker, life: Life) -> None:
        self._broker, self._life = broker, life

    async def hydrate(self, lanes: Sequence[Lane], overtaken: Callable[[], bool]) -> None:
        """Read what the fences keep still."""
        for lane in lanes:
            await self._life.boundary()
            number = lane.source.partition
            for key, value in self._broker.states[number].items():
                lane.store.load(key, value)
            position = self._broker.positions.get(number)
            lane.place(0 if position is None else position.offset)


class Evaluating:
    """An evaluator: a member of the group that feeds its lanes."""

    def __init__(self, broker: Broker, definitions: Definitions, random: Random) -> None:
        self._broker, self._definitions, self._random = broker, definitions, random

    async def __call__(self, life: Life) -> None:
        async with asyncio.TaskGroup() as tasks:
            await _Worker(self._broker, self._definitions, self._random, life, tasks).run()


class _Worker:
    rebalancing = True
    rebalancing_count = 0

    def __init__(
        self, broker: Broker, definitions: Definitions, random: Random, life: Life, tasks: asyncio.TaskGroup
    ) -> None:
        self.life, self._broker, self._random = life, broker, random
        self._group = broker.groups[topics.EVALUATOR_GROUP]
        self._machine = CoreMachine(definitions, 0, DEFAULT)
        self._places: dict[TopicPartition, int] = {}
        self._epochs: dict[TopicPartition, int] = {}
        self._ownership = Ownership(
            make_lane=self._lane, hydration=_Hydration(broker, life), tasks=tasks, settle_timeout_s=8.0
        )
        self._ownership.membership = self

    def _lane(self, source: TopicPartition) -> Lane:
        return Lane(
            source,
            settings=_EVALUATOR,
            machine=self._machine,
            evaluation=Evaluation(self._machine, RECORD_MAX_BYTES),
            store=MemoryStore(self._machine, _EVALUATOR.states_decoded_max),
            publish=self._publish,
            checkpoints=_Checkpoints(self._broker, self.life, source.partition),
            clock=self.life,
        )

    async def _publish(self, partition: int, evaluated: Evaluated) -> None:
        async with asyncio.TaskGroup() as group:
            for topic, records in evaluated.outputs.items():
                group.create_task(self._broker.send(self.life, topic, partition, cast("Any", records)))

    async def revoked(self) -> None:
        """As Faust does: halt at once, then settle."""
        LIFE.set(self.life)  # it is the group's task that calls
        await self.life.boundary()
        self.rebalancing, self.rebalancing_count = True, self.rebalancing_count + 1
        self._ownership.halt()
        await or_stop(self._ownership.settle())

    async def assigned(self, partitions: Collection[int]) -> None:
        """As Faust does: own, seek to where the lanes stand, go live."""
        LIFE.set(self.life)
        await self.life.boundary()
        if not self.rebalancing:
            await self.revoked()
        fences = dict(self._broker.fences)
        if self.rebalancing_count == 0:
            self.rebalancing_count = 1
        await or_stop(self._ownership.assigned([TopicPartition(topics.INTERACTIONS, number) for number in partitions]))
        await self.life.boundary()
        sources = {TopicPartition(topics.INTERACTIONS, number) for number in partitions}
        self._places = dict(self._ownership.positions(sources))
        for source in self._places:
            self._epochs[source] = self._epochs.get(source, 0) + 1
        self._note_unfenced(fences)
        self._ownership.go_live({source: self._epochs[source] for source in self._places})
        self.rebalancing = False
        self._broker.wake(topics.INTERACTIONS)

    def _note_unfenced(self, before: Mapping[int, int]) -> None:
        """Whoever goes live holds the newest fence, or a newer one than there was when it was assigned."""
        for source, lane in self._ownership.lanes.items():
            fence = cast("_Checkpoints", lane.checkpoints).fence
            if lane.round == self._ownership.round and fence < before.get(source.partition, 0):
                self._broker.breaches.append(f"partition {source.partition} is taken up behind somebody else's fence")

    async def run(self) -> None:
        """Fetch and feed until cancelled."""
        await self._group.join(self)
        while True:
            if not await self._fed():
                await self._broker.more(topics.INTERACTIONS, _IDLE_S)
                await self.life.boundary()
            if self not in self._group.members:
                await self._group.join(self)

    async def _fed(self) -> bool:
        fed = False
        for source, place in list(self._places.items()):
            epoch, most = self._epochs[source], self._random.randint(1, 4)
            records = await self._broker.fetch(self.life, source.topic, source.partition, place, most)
            if records and self._places.get(source) == place and self._epochs[source] == epoch:
                self._places[source] = records[-1].offset + 1
                await or_stop(self._ownership.feed(source, epoch, cast("Any", records)))
                fed = True
        return fed


def supervised(name: str, main: Any, random: Random) -> Process:
    """Return a process that runs `main`, and runs it again."""
    process = Process(name, main, random)
    process.start()
    return process
