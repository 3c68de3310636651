"""Reads the log and keeps it as rows: offsets are committed after the rows, so a crash repeats and nothing is lost.

The database away: the batch in hand is tried until it is back. The broker away: a new consumer is made until it is back.
Neither ends the process.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from services.chassis.backoff import Backoff
from services.chassis.errors import PermanentError, RetryableError
from services.chassis.failpoints import failpoint
from services.chassis.kafka import consumer, running
from services.chassis.kafka_lag import follow_lag
from services.chassis.settings import Kafka
from services.console.history.reading import TOPICS, HistoryRow, ended, poison, read
from services.console.history.storing import store
from services.console.metrics import HISTORY_LAG, HISTORY_RECORDS, HISTORY_RETRIES
from services.console.settings import History
from services.console.transactions import Database

_NOT_OURS: Final = (CommitFailedError, IllegalStateError)
"""The partitions went to another member: it reads the batch again, and its rows are there already."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reading:
    """A record and the rows that it becomes, together or not at all."""

    record: ConsumerRecord
    rows: Sequence[HistoryRow]


class HistoryConsumer:
    """One member of history's group."""

    def __init__(self, kafka: Kafka, history: History, database: Database) -> None:
        self._kafka, self._history, self._database = kafka, history, database
        self._topics = {kafka.topic(name): name for name in TOPICS}
        self._reader: AIOKafkaConsumer | None = None
        self._stored: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        """Consume for ever."""
        while True:
            try:
                await self._consume()
            except (KafkaError, OSError, TimeoutError) as exc:
                log.warning("history_log_away", reason=type(exc).__name__)
            await asyncio.sleep(self._history.backoff_max_s * random.uniform(0.1, 0.3))  # noqa: S311 - jitter

    async def unready(self) -> str | None:
        """Readiness check: None once the group has given this member its partitions."""
        if self._reader is None or not self._reader.assignment():
            return "no partitions are assigned yet"
        return None

    async def _consume(self) -> None:
        made = consumer(
            self._kafka, *self._topics, client_id="history", isolation="read_uncommitted", group=self._history.group
        )
        async with running(made) as reader:
            self._reader = reader
            self._stored.clear()
            try:
                while True:
                    if 0 < await self._batch(reader) < self._history.batch_max_records:
                        await asyncio.sleep(self._history.gather_ms / 1000)
            finally:
                self._reader = None

    async def _batch(self, reader: AIOKafkaConsumer) -> int:
        """Keep what there is, and return how many records it were."""
        fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]] = await reader.getmany(
            timeout_ms=self._history.poll_timeout_ms, max_records=self._history.batch_max_records
        )
        readings = [self._read(record) for records in fetched.values() for record in records]
        if any(reading.rows for reading in readings):
            await self._keep(readings)
            failpoint("history.after-rows")
        if fetched:
            stored = {partition: records[-1].offset + 1 for partition, records in fetched.items()}
            try:
                await reader.commit(stored)
                self._stored |= stored
            except _NOT_OURS as exc:
                self._stored.clear()
                log.info("history_partitions_moved", reason=type(exc).__name__)
        return len(readings)

    def _read(self, record: ConsumerRecord) -> Reading:
        topic = self._topics[record.topic]
        row = read(topic, record, self._database.clock.now(), self._history.value_max_bytes)
        HISTORY_RECORDS.labels(topic, "skipped" if row is None else type(row).__name__.lower()).inc()
        rows = (row, ended(topic, record, row))
        return Reading(record, [row for row in rows if row is not None])

    async def _keep(self, readings: Sequence[Reading]) -> None:
        """Store the rows; one that can never be stored is found by halving and kept as a dead letter."""
        try:
            await self._patiently([row for reading in readings for row in reading.rows])
        except PermanentError as exc:
            if len(readings) > 1:
                middle = len(readings) // 2
                await self._keep(readings[:middle])
                await self._keep(readings[middle:])
                return
            record = readings[0].record
            log.warning("history_record_dead", topic=record.topic, partition=record.partition, offset=record.offset)
            now, size_max = self._database.clock.now(), self._history.value_max_bytes
            topic = self._topics[record.topic]
            await self._patiently([poison(topic, record, "permanent", exc.reason, now, size_max)])

    async def _patiently(self, rows: Sequence[HistoryRow]) -> None:
        """Store, again and again while the database is away. Raises PermanentError."""
        failures, backoff = 0, Backoff(self._history.backoff_min_s, self._history.backoff_max_s)
        while True:
            try:
                await store(self._database, rows)
            except RetryableError as exc:
                HISTORY_RETRIES.inc()
                log.warning("history_database_away", reason=exc.reason)
                failures += 1
                await asyncio.sleep(backoff.delay_s(failures, random.uniform(0.5, 1.0)))  # noqa: S311 - jitter
            else:
                return

    async def measure_lag(self) -> None:
        """Tell how far it is behind, until cancelled."""
        await follow_lag(lambda: self._reader, self._stored, self._tell_lag, self._history.lag)

    def _tell_lag(self, lag: Mapping[TopicPartition, int]) -> None:
        for topic, name in self._topics.items():
            HISTORY_LAG.labels(name).set(sum(records for each, records in lag.items() if each.topic == topic))
