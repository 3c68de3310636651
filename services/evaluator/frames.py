"""Faust, one event per parcel of fetched chunks: membership, flow and lifecycle are Faust's, its path per message
(70 microseconds each) is not taken.

Frames may reach the agent late: out of queues that a rebalance or a seek has overtaken. So each carries the epoch of the
last seek of its partition. Fetches and seeks both run in the consumer's thread, and the epoch is put on there: a generation
read in the main thread is not exact. Private methods are overridden; a test notices when a release changes them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import uvloop
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from faust.topics import Topic
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP, Message

from services.chassis import kafka
from services.chassis.settings import Kafka
from services.evaluator.failing import or_stop
from services.evaluator.ownership import Ownership
from services.evaluator.settings import Evaluator

_IDLE_S: Final = 0.02
Fetched = Mapping[TopicPartition, tuple[int, list[ConsumerRecord]]]
"""Seek epoch and records by partition."""


@dataclass(frozen=True, slots=True)
class LaneAccess:
    """What the consumer needs to know of the lanes; the application carries it as `lanes`."""

    kafka: Kafka
    settings: Evaluator
    ownership: Ownership


def lanes_of(app: Any) -> LaneAccess:
    """Return what the application carries: Faust hands its consumer nothing else."""
    return cast("LaneAccess", app.lanes)


class Frame(NamedTuple):
    """Consecutive records of one partition, fetched since the seek of `seek_epoch`."""

    source: TopicPartition
    seek_epoch: int
    records: list[ConsumerRecord]

    def __repr__(self) -> str:  # Faust logs events: no payload may get there
        return f"Frame({self.source.partition}, {self.records[0].offset}, {len(self.records)} records)"


Parcel = list[Frame]
"""What is evaluated without a pause, so that what it leads to in all partitions leaves in one request."""


class FrameTopic(Topic):
    """A topic whose events are parcels as they are: nothing to decode."""

    def _compile_decode(self) -> None:
        async def decode(message: Message, *, propagate: bool = False) -> Any:  # noqa: ARG001 - Faust's signature
            return self._create_event(None, message.value, (), message)  # type: ignore[arg-type]  # no headers

        self.decode = decode  # type: ignore[method-assign]  # as Faust's own does


class FrameThread(AIOKafkaConsumerThread):
    """The thread in which the consumer lives."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._seek_epochs: Counter[TopicPartition] = Counter()
        super().__init__(*args, thread_loop=uvloop.new_event_loop(), **kwargs)

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:  # noqa: ARG002 - Faust's signature
        lanes = lanes_of(self.app)
        settings = lanes.kafka.model_copy(update={"group_fetch_wait_max_ms": lanes.settings.fetch_wait_ms})
        return kafka.consumer(
            settings, client_id=lanes.settings.app_id, isolation="read_uncommitted", group=lanes.settings.app_id
        )

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        fetched = await super()._fetch_records(*args, **kwargs)
        return {source: (self._seek_epochs[source], records) for source, records in fetched.items()}

    async def seek_all(self, positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Seek, and return the epochs that begin with it."""
        for source, offset in positions.items():
            self._seek_epochs[source] += 1
            self._ensure_consumer().seek(source, offset)
        return {source: self._seek_epochs[source] for source in positions}


class FrameConsumer(Consumer):
    """Yields parcels of frames, and stands where the lanes stand instead of where the group has committed."""

    _few = True
    _parcels = 0

    def _new_consumer_thread(self) -> FrameThread:
        return FrameThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - Faust's signature
        """Yield parcels, the partitions taking turns. With the flow stopped it returns: Faust's would seek, in mid-rebalance."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # as Faust's own does
        active = self._get_active_partitions()
        if not active:
            await self.sleep(_IDLE_S)  # Faust: a whole second
            return
        settings = lanes_of(self.app).settings
        if self._few and settings.gather_ms:
            await asyncio.sleep(settings.gather_ms / 1000)
        fetched = cast("Fetched", await self._thread.getmany(active, timeout))
        self._few = sum(len(records) for _, records in fetched.values()) < settings.frame_records_max
        for parcel in parcels(_frames(fetched, settings.frame_records_max), settings.frame_records_max):
            if self.should_stop or not self.flow_active:
                return  # what is dropped here is fetched again: every resume of the flow is preceded by a seek
            yield self._message(parcel)

    def _message(self, parcel: Parcel) -> tuple[TP, Message]:
        source = TP(*parcel[0].source)
        message = self._to_message(source, parcel[0].records[-1])
        message.key, message.value = None, parcel  # type: ignore[assignment]  # what the agent is to get
        # Faust drops what is behind the last offset that it saw, and knows nothing of our seeks: the lanes judge the order.
        self._parcels += 1
        message.offset = self._parcels
        return source, message

    def on_buffer_full(self, tp: TP) -> None:
        """Faust would take the partition out of the fetch; the bounded queue blocks anyway."""

    async def verify_all_partitions_active(self) -> None:
        """Faust would complain of a missing commit; the watchdog knows better."""

    async def seek_lanes(self, positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Seek, and return the epochs that begin with it. Raises IllegalStateError for a partition not assigned."""
        thread = cast("FrameThread", self._thread)
        epochs: dict[TopicPartition, int] = await thread.call_thread(thread.seek_all, positions)
        return epochs

    async def perform_seek(self) -> None:
        """To where the lanes stand: their positions come with their states."""
        lanes = lanes_of(self.app).ownership
        assignment = {TopicPartition(*source) for source in self.assignment()}
        lanes.go_live(await self.seek_lanes(lanes.positions(assignment)))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stop evaluating at once, let Faust stop its flow, then settle what was evaluated."""
        lanes = lanes_of(self.app).ownership
        lanes.halt()
        await super().on_partitions_revoked(revoked)
        await or_stop(lanes.settle())


def _frames(fetched: Fetched, records_max: int) -> list[Frame]:
    longest = max((len(records) for _, records in fetched.values()), default=0)
    return [
        Frame(TopicPartition(*source), seek_epoch, chunk)
        for begin in range(0, longest, records_max)
        for source, (seek_epoch, records) in fetched.items()
        if (chunk := records[begin : begin + records_max])
    ]


def parcels(frames: Iterable[Frame], records_max: int) -> Iterator[Parcel]:
    """Put short frames together, their order kept."""
    parcel, room = Parcel(), records_max
    for frame in frames:
        if parcel and len(frame.records) > room:
            yield parcel
            parcel, room = Parcel(), records_max
        parcel.append(frame)
        room -= len(frame.records)
    if parcel:
        yield parcel


class FrameTransport(Transport):
    """Faust's way of being told which consumer to make."""

    Consumer = FrameConsumer
