"""Frames to their lanes; and what happens at a record that cites a list version which nobody here has seen.

Usually the version is already in the definitions topic, so the topic is read to its end and evaluation goes on. If it is
not there, that lane alone is paused, and alarms, until the version arrives: such a record is never a dead letter.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.types import TP

from services.evaluator import metrics
from services.evaluator.frames import Frame
from services.evaluator.lanes import Lane
from services.evaluator.machine import VersionUnknown
from services.evaluator.ownership import Ownership

log = structlog.get_logger()


class Flow(Protocol):
    """The consumer, as far as one partition is to be stopped and continued."""

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        """Fetch no more of these."""
        ...

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Fetch them again."""
        ...

    async def seek_lanes(self, positions: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """Seek, and return the epochs that begin with it. Raises IllegalStateError for a partition not assigned."""
        ...


class Versions(Protocol):
    """The list versions seen so far."""

    def knows(self, unknown: VersionUnknown) -> bool:
        """Tell whether the version has arrived."""
        ...

    async def arrives(self, unknown: VersionUnknown) -> bool:
        """Read the definitions to their present end, within a moment, and tell whether the version is there."""
        ...

    async def changed(self) -> None:
        """Wait until a definition arrives."""
        ...


class Intake:
    """Where frames come in. `flow` is set once the consumer is made."""

    def __init__(self, ownership: Ownership, versions: Versions) -> None:
        self._ownership, self._versions = ownership, versions
        self.flow: Flow | None = None

    async def take(self, frame: Frame) -> None:
        """Evaluate a frame, or drop it as stale, or pause its lane. Raises BrokenChainError."""
        records = frame.records
        while records:
            lane = await self._ownership.feed(frame.source, frame.seek_epoch, records)
            if lane is None or lane.waits_for is None:
                return
            if not await self._versions.arrives(lane.waits_for):
                self._pause(lane, frame.seek_epoch)
                return
            records = [record for record in records if record.offset >= lane.next]

    def _pause(self, lane: Lane, seek_epoch: int) -> None:
        if not lane.live or lane.seek_epoch != seek_epoch or lane.waits_for is None or self.flow is None:
            return
        lane.live = False
        self.flow.pause_partitions([TP(*lane.source)])
        metrics.WAITING_FOR_DEFINITIONS.labels(lane.source.partition).set(1)
        log.error(
            "waiting_for_definition",
            partition=lane.source.partition,
            offset=lane.next,
            asset_id=lane.waits_for.asset_id,
            version=lane.waits_for.version,
        )

    async def resume_as_versions_arrive(self) -> None:
        """Continue paused lanes whose version has come, until cancelled."""
        while True:
            await self._versions.changed()
            for lane in list(self._ownership.lanes.values()):
                if not lane.live and lane.waits_for is not None and self._versions.knows(lane.waits_for):
                    await self._resume(lane)

    async def _resume(self, lane: Lane) -> None:
        """Seek where the lane stands. A rebalance under way does the same for all lanes: then this leaves it alone."""
        round_ = self._ownership.round
        if self.flow is None or self._ownership.rebalancing:
            return
        try:
            seek_epochs = await self.flow.seek_lanes({lane.source: lane.next})
        except IllegalStateError:
            return
        if self._ownership.round != round_:
            return
        self._ownership.go_live(seek_epochs)
        self.flow.resume_partitions([TP(*lane.source)])
        log.info("definition_arrived", partition=lane.source.partition, offset=lane.next)
