"""The lanes of this process through rebalances: which are ours, and that nobody else's are touched.

Faust calls, in this order: `halt` and `settle` when partitions are revoked, `assigned` when the group has settled, `positions`
and `go_live` when it seeks. Lanes that are revoked are settled and kept: if they come back, a checkpoint that goes through
proves that nobody had them in between. A newer rebalance may overtake any of these; only a lane whose round is the
present one goes live.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from faust.tables.recovery import RebalanceAgain

from services.evaluator import metrics
from services.evaluator.checkpoints import CheckpointError
from services.evaluator.failing import or_stop
from services.evaluator.hydration import Hydration
from services.evaluator.lanes import Lane

log = structlog.get_logger()


class Membership(Protocol):
    """What is known of the group: Faust's application."""

    rebalancing: bool
    rebalancing_count: int


class Ownership:
    """The lanes by partition. `tasks` carries their sending and checkpointing; `settle_timeout_s` bounds a revoke."""

    def __init__(
        self,
        *,
        make_lane: Callable[[TopicPartition], Lane],
        hydration: Hydration,
        tasks: asyncio.TaskGroup,
        settle_timeout_s: float,
    ) -> None:
        self._make_lane, self._hydration = make_lane, hydration
        self._tasks, self._settle_timeout_s = tasks, settle_timeout_s
        self._running: dict[TopicPartition, list[asyncio.Task[None]]] = {}
        self._changing = asyncio.Lock()
        self._closing = False
        self.lanes: dict[TopicPartition, Lane] = {}
        self.membership: Membership | None = None

    @property
    def round(self) -> int:
        """The count of rebalances: what was begun at another count is void."""
        return -1 if self.membership is None else self.membership.rebalancing_count

    @property
    def rebalancing(self) -> bool:
        """Whether partitions were revoked, or never assigned, and the lanes are not live again yet."""
        return self.membership is None or self.membership.rebalancing

    async def unready(self) -> str | None:
        """Readiness check: return why records are not being evaluated, or None. Without partitions it stands by, ready."""
        if self.round < 1 or self.rebalancing:
            return "no partitions assigned yet"
        idle = [lane.source.partition for lane in self.lanes.values() if not lane.live and lane.waits_for is None]
        return f"partitions not live: {sorted(idle)}" if idle else None

    async def feed(self, source: TopicPartition, seek_epoch: int, records: Sequence[ConsumerRecord]) -> Lane | None:
        """Give a frame to its lane; None: it was stale, and dropped."""
        lane = self.lanes.get(source)
        if lane is None or not await lane.feed(seek_epoch, records):
            metrics.STALE_FRAMES.inc()
            return None
        return lane

    def halt(self) -> None:
        """At once: nothing fetched under the present assignment is evaluated from here on."""
        for lane in self.lanes.values():
            lane.live = False

    async def settle(self) -> None:
        """Send and checkpoint all that is evaluated, within the time that a revoke may take."""
        async with asyncio.timeout(self._settle_timeout_s), self._changing:
            await asyncio.gather(*(lane.settle() for lane in self.lanes.values()))

    async def assigned(self, sources: Collection[TopicPartition]) -> None:
        """Make the lanes of these partitions ours. Raises RebalanceAgain when overtaken by another rebalance."""
        async with self._changing:
            with metrics.HYDRATION_SECONDS.time():
                await self._own(frozenset(sources), self.round)
        metrics.REBALANCES.inc()
        metrics.LANES.set(len(self.lanes))

    async def _own(self, sources: frozenset[TopicPartition], round_: int) -> None:
        def overtaken() -> bool:
            return self._closing or self.round != round_

        await self._drop(self.lanes.keys() - sources)
        await self._drop(await self._lost())
        new = [self._make_lane(source) for source in sorted(sources - self.lanes.keys())]
        try:
            await self._take_over(new, overtaken)
        except BaseException:
            await asyncio.gather(*(lane.checkpoints.close() for lane in new))
            raise
        for lane in new:
            self.lanes[lane.source] = lane
            self._running[lane.source] = [
                self._tasks.create_task(or_stop(lane.send())),
                self._tasks.create_task(or_stop(lane.checkpoint_regularly())),
            ]
        for lane in self.lanes.values():
            lane.round = round_
        log.info(
            "lanes_owned",
            partitions=sorted(source.partition for source in self.lanes),
            hydrated=[lane.source.partition for lane in new],
            states=sum(len(lane.store) for lane in new),
        )

    async def _take_over(self, lanes: Sequence[Lane], overtaken: Callable[[], bool]) -> None:
        if overtaken():  # right before fencing: a stale assignment must not fence the rightful owner
            raise RebalanceAgain
        await asyncio.gather(*(lane.checkpoints.start() for lane in lanes))
        await self._hydration.hydrate(lanes, overtaken)

    async def _lost(self) -> set[TopicPartition]:
        """Return the kept lanes that somebody else had in between."""

        async def lost(lane: Lane) -> bool:
            try:
                await lane.checkpoint()
            except CheckpointError as exc:
                log.warning("lane_lost", partition=lane.source.partition, because=str(exc))
                return True
            return False

        kept = list(self.lanes.values())
        answers = await asyncio.gather(*(lost(lane) for lane in kept))
        return {lane.source for lane, was_lost in zip(kept, answers, strict=True) if was_lost}

    async def _drop(self, sources: Iterable[TopicPartition]) -> None:
        await asyncio.gather(*(self._close(source) for source in list(sources)))

    async def _close(self, source: TopicPartition) -> None:
        lane, tasks = self.lanes.pop(source), self._running.pop(source)
        lane.live = False
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await lane.checkpoints.close()
        metrics.forget(source.partition)

    def positions(self, assignment: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return where the lanes of this assignment stand."""
        return {source: lane.next for source, lane in self.lanes.items() if source in assignment}

    def go_live(self, seek_epochs: Mapping[TopicPartition, int]) -> None:
        """Accept what was fetched since these seeks; not if another rebalance began meanwhile."""
        for source, seek_epoch in seek_epochs.items():
            lane = self.lanes.get(source)
            if lane is not None and lane.round == self.round:
                lane.go_live(seek_epoch)
                metrics.WAITING_FOR_DEFINITIONS.labels(source.partition).set(0)

    async def close(self) -> None:
        """Settle and let everything go; a hydration under way is abandoned."""
        self._closing = True
        self.halt()
        await self.settle()
        await self._drop(self.lanes.keys())
