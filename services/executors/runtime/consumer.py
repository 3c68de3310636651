"""Reads one executor's commands and hands them on in batches; offsets are committed behind the settled ones, in intervals,
and at the end of a membership. What a crash leaves uncommitted is read again: the ledger knows it.

Rebalances need no more care. A batch in hand whose partition has moved is settled by two processes: ledger and row locks
make the second one a repeat, and the broker refuses its commit. So nothing is paused, and a commit that fails is counted
and tried again.

Partitions are shared among a few lanes, each of which settles one batch after the other, so that a prospect's commands
keep their order. While a lane's batch is settled its next one is fetched and read: process and database need not wait for
each other.

A paused executor stays a member of its group and asks for records as ever, but has its partitions held: none comes. What
one more batch brings, because the pause or a rebalance came in between, is read again later.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from schemas.dead_letters import replay_of
from services.chassis import kafka
from services.chassis.failpoints import failpoint
from services.chassis.kafka_lag import follow_lag
from services.chassis.settings import Kafka
from services.executors import metrics
from services.executors.executor import Executor
from services.executors.runtime.entries import AnyEntry, Record
from services.executors.runtime.pipeline import Pipeline
from services.executors.settings import Executors

log = structlog.get_logger()


class CommandConsumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no type information
    """The member of an executor's consumer group in this process."""

    def __init__(
        self,
        executor: Executor,
        pipeline: Pipeline[Any],
        settings: Kafka,
        limits: Executors,
        paused: Callable[[], bool],
    ) -> None:
        self._executor, self._pipeline, self._settings, self._limits = executor, pipeline, settings, limits
        self._paused = paused
        self._assigned = False
        self._reader: AIOKafkaConsumer | None = None
        self._settled: dict[TopicPartition, int] = {}
        self._uncommitted: dict[TopicPartition, int] = {}
        self._commit_due_s = 0.0
        self._committing = asyncio.Lock()
        self._round = 0
        """Counts rebalances: what was fetched before one is settled, but says nothing about this member's offsets."""

    async def unassigned(self) -> str | None:
        """Readiness check: return why no commands are read, or None. A share of no partition is a share."""
        return None if self._assigned else "no partitions assigned yet"

    async def on_partitions_revoked(self, _revoked: Collection[TopicPartition]) -> None:
        """Commit what is settled: a rebalance has begun."""
        self._assigned = False
        self._round += 1
        if self._reader is not None:
            await self._commit(self._reader)
        self._uncommitted.clear()
        self._settled.clear()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Note that it has ended."""
        self._assigned = True
        log.info("partitions_assigned", executor=self._executor.name, partitions=sorted(p.partition for p in assigned))

    async def run(self) -> None:
        """Read until cancelled."""
        client_id = f"finish-executor-{self._executor.name}"
        reader = kafka.consumer(
            self._settings, client_id=client_id, isolation="read_committed", group=self._executor.group
        )
        reader.subscribe([self._settings.topic(self._executor.topic)], listener=self)
        async with kafka.running(reader):
            self._reader = reader
            try:
                async with asyncio.TaskGroup() as lanes:
                    for lane in range(self._limits.lanes):
                        lanes.create_task(self._lane(reader, lane))
            finally:
                await self._commit(reader)

    async def _lane(self, reader: AIOKafkaConsumer, lane: int) -> None:
        """Settle the batches of this lane's partitions, one after the other, until cancelled. What is in hand then is left
        to whoever reads it again."""
        settling: asyncio.Task[None] | None = None
        try:
            while True:
                self._hold(reader)
                fetched, round_ = await self._fetch(reader, lane), self._round
                entries = self._pipeline.read(self._record(record) for chunk in fetched.values() for record in chunk)
                if settling is not None and (entries or settling.done()):
                    await settling
                    settling = None
                if self._paused():
                    _put_back(reader, fetched)
                elif entries:
                    settling = asyncio.create_task(self._settle(entries, _behind(fetched), round_))
                await self._commit_when_due(reader)
        finally:
            if settling is not None:
                settling.cancel()
                await asyncio.gather(settling, return_exceptions=True)

    async def _fetch(self, reader: AIOKafkaConsumer, lane: int) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        poll_ms, most = self._limits.poll_ms, self._limits.batch_max_records
        if own := [part for part in reader.assignment() if part.partition % self._limits.lanes == lane]:
            fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]
            fetched = await reader.getmany(*own, timeout_ms=poll_ms, max_records=most)
            return fetched
        await asyncio.sleep(poll_ms / 1000)
        return {}

    async def _settle(self, entries: list[AnyEntry], behind: Mapping[TopicPartition, int], round_: int) -> None:
        metrics.BATCH_RECORDS.labels(self._executor.name).observe(len(entries))
        await self._pipeline.settle(entries)
        if round_ == self._round:
            self._settled |= behind
            self._uncommitted |= behind

    async def measure_lag(self) -> None:
        """Tell how far it is behind, until cancelled."""
        await follow_lag(lambda: self._reader, self._settled, self._tell_lag, self._limits.lag)

    def _tell_lag(self, lag: Mapping[TopicPartition, int]) -> None:
        metrics.LAG.labels(self._executor.name).set(sum(lag.values()))

    def _hold(self, reader: AIOKafkaConsumer) -> None:
        """Let no records come while the executor is paused; they come again after it, from where it stopped."""
        paused, held = self._paused(), reader.paused()
        metrics.PAUSED.labels(self._executor.name).set(paused)
        if paused:
            reader.pause(*reader.assignment() - held)
        elif held:
            reader.resume(*held)
            log.info("executor_resumed", executor=self._executor.name)

    async def _commit_when_due(self, reader: AIOKafkaConsumer) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._uncommitted and now_s >= self._commit_due_s and not self._committing.locked():
            self._commit_due_s = now_s + self._limits.commit_interval_s
            await self._commit(reader)
            failpoint(f"executor.{self._executor.name}.after-offsets")

    async def _commit(self, reader: AIOKafkaConsumer) -> None:
        """Commit what is settled of the partitions that are still this member's; what fails is tried again.

        One after the other: the client tries again by itself after a pause, and a later commit that came in between would
        be taken back by it.
        """
        async with self._committing:
            await self._commit_settled(reader)

    async def _commit_settled(self, reader: AIOKafkaConsumer) -> None:
        offsets, self._uncommitted = self._uncommitted, {}
        kept = {partition: offset for partition, offset in offsets.items() if partition in reader.assignment()}
        try:
            async with asyncio.timeout(self._limits.commit_timeout_s):
                if kept:
                    await reader.commit(kept)
        except (KafkaError, TimeoutError) as exc:
            newest = {partition: self._settled[partition] for partition in kept if partition in self._settled}
            self._uncommitted = newest | self._uncommitted  # not what was settled before a rebalance: others went on
            metrics.COMMIT_FAILURES.labels(self._executor.name).inc()
            log.warning("offsets_not_committed", executor=self._executor.name, error=type(exc).__name__)

    def _record(self, record: ConsumerRecord) -> Record:
        """Return it under its topic's own name: a dead letter is the same under any deployment's prefix."""
        place = (self._executor.topic, record.partition, record.offset)
        return Record(*place, record.key, record.value, replay_of(record.headers))


def _behind(fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> dict[TopicPartition, int]:
    """Return the offsets behind what was fetched."""
    return {partition: chunk[-1].offset + 1 for partition, chunk in fetched.items() if chunk}


def _put_back(reader: AIOKafkaConsumer, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
    """Read these records again, if their partition is still this member's."""
    for partition, chunk in fetched.items():
        if chunk and partition in reader.assignment():
            reader.seek(partition, chunk[0].offset)
