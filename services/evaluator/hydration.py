"""States and positions of newly owned partitions, read from the state topic up to its end.

The caller has fenced the partitions' earlier owners, so nothing is written there any more while this reads.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.tables.recovery import RebalanceAgain

from services.chassis import kafka
from services.chassis.settings import Kafka
from services.evaluator import checkpoints, metrics
from services.evaluator.checkpoints import POSITION_KEY, Position
from services.evaluator.lanes import Lane

_CLIENT: Final = "finish-evaluator-hydration"


class HydrationError(Exception):
    """The state topic contradicts itself or this process: going on could apply history twice, or lose it."""


class Hydration:
    """Reads for all new lanes at once. `format` is what this machine can read, `epoch` the log's present one."""

    def __init__(self, settings: Kafka, state_topic: str, *, poll_ms: int, epoch: int, state_format: int) -> None:
        self._kafka, self._state_topic = settings, state_topic
        self._poll_ms, self._epoch, self._format = poll_ms, epoch, state_format

    async def hydrate(self, lanes: Sequence[Lane], overtaken: Callable[[], bool]) -> None:
        """Fill the lanes and place them. Raises RebalanceAgain when overtaken by another rebalance, HydrationError."""
        if not lanes:
            return
        reader = kafka.consumer(self._kafka, client_id=_CLIENT, isolation="read_committed")
        async with kafka.running(reader):
            sources = [lane.source for lane in lanes]
            beginnings, ends = await reader.beginning_offsets(sources), await reader.end_offsets(sources)
            positions = await self._read(reader, lanes, overtaken)
        for lane in lanes:
            position = positions.get(lane.source.partition)
            lane.place(self._start(lane, position, beginnings[lane.source], ends[lane.source]))

    async def _read(
        self, reader: AIOKafkaConsumer, lanes: Sequence[Lane], overtaken: Callable[[], bool]
    ) -> Mapping[int, Position]:
        stores = {TopicPartition(self._state_topic, lane.source.partition): lane.store for lane in lanes}
        raw: dict[int, bytes | None] = {}
        reader.assign(list(stores))
        await reader.seek_to_beginning(*stores)
        ends = await reader.end_offsets(list(stores))
        while not await kafka.caught_up(reader, ends):
            if overtaken():
                raise RebalanceAgain
            for partition, records in (await reader.getmany(*stores, timeout_ms=self._poll_ms)).items():
                load = stores[partition].load
                for record in records:
                    if record.key == POSITION_KEY:
                        raw[partition.partition] = record.value
                    else:
                        load(record.key, record.value)
        metrics.HYDRATED_STATES.inc(sum(len(store) for store in stores.values()))
        return {partition: _decoded(partition, value) for partition, value in raw.items() if value is not None}

    def _start(self, lane: Lane, position: Position | None, beginning: int, end: int) -> int:
        if position is None:
            if len(lane.store):
                raise HydrationError(f"{lane.source}: states without a position")
            return beginning
        if position.format > self._format:
            raise HydrationError(
                f"{lane.source}: states of format {position.format}, this machine reads {self._format}"
            )
        if position.epoch > self._epoch:
            raise HydrationError(f"{lane.source}: states of epoch {position.epoch}, the setting says {self._epoch}")
        if position.epoch < self._epoch:
            return beginning
        if not beginning <= position.offset <= end:
            raise HydrationError(
                f"{lane.source}: the states reach to {position.offset}, the log has {beginning} to {end}; "
                "was it made anew, raise FA_EVALUATOR__EPOCH"
            )
        return position.offset


def _decoded(partition: int, value: bytes) -> Position:
    try:
        return checkpoints.decode(value)
    except (ValueError, TypeError, AttributeError):
        raise HydrationError(f"partition {partition}: the position is unreadable") from None
