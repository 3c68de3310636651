"""A topic of one partition followed from its beginning, without a group: every process that tails it knows all of it.

What was read stays read: after an outage it goes on where it stopped. Nothing that happens to the broker ends the tail; it
tells by `unready` how far behind it may be, and whoever must not act on old knowledge asks `catch_up` first.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import PositiveFloat, PositiveInt

from services.chassis.backoff import Backoff
from services.chassis.clock import Clock
from services.chassis.kafka import consumer, running
from services.chassis.settings import Concern, Kafka

_UNKNOWN: Final = "not read to its end yet"

log = structlog.get_logger()


class Tail(Concern):
    """How a topic is followed. A new record is seen at once: the waits only bound how long nothing is asked."""

    poll_ms: PositiveInt = 100
    chunk_max_records: PositiveInt = 500
    answer_timeout_s: PositiveFloat = 5.0
    """For where the topic ends, asked once per connection."""
    reconnect_min_s: PositiveFloat = 0.1
    reconnect_max_s: PositiveFloat = 5.0
    lag_max_s: PositiveFloat = 5.0
    """Past it the process is not ready."""


class TopicTail:
    """Gives each record to `on_record`, once and in order. What that raises ends the tail: poison is its own to handle."""

    def __init__(
        self,
        kafka: Kafka,
        topic: str,
        on_record: Callable[[ConsumerRecord], None],
        *,
        client_id: str,
        clock: Clock,
        tail: Tail | None = None,
    ) -> None:
        self._kafka, self._on_record, self._client_id, self._clock = kafka, on_record, client_id, clock
        self._tail = tail or Tail()
        self._partition = TopicPartition(topic, 0)
        self._reader: AIOKafkaConsumer | None = None
        self._moved = asyncio.Event()
        self._answered_ms: int | None = None
        self._current_at: float | None = None
        self.ready = asyncio.Event()
        """Set for good when the end that the first connection saw is reached."""
        self.position = 0
        """The offset after the last record that was given on."""

    async def run(self) -> NoReturn:
        """Follow the topic for ever, over any number of connections."""
        failures, backoff = 0, Backoff(self._tail.reconnect_min_s, self._tail.reconnect_max_s)
        while True:
            before = self.position
            try:
                reader = consumer(self._kafka, client_id=self._client_id, isolation="read_committed")
                async with running(reader):
                    await self._follow(reader)
            except (KafkaError, OSError, TimeoutError) as exc:
                log.warning("tail_interrupted", topic=self._partition.topic, reason=type(exc).__name__)
            finally:
                self._reader = None
            failures = failures + 1 if self.position == before else 1
            await asyncio.sleep(backoff.delay_s(failures))

    async def catch_up(self, timeout_s: float) -> None:
        """Return when all that the topic holds now was given on. Raises TimeoutError: too slow, or no broker."""
        async with asyncio.timeout(timeout_s):
            while self._reader is None:
                await self._moved.wait()
            end = await self._end(self._reader)
            while self.position < end:
                await self._moved.wait()

    @property
    def lag_s(self) -> float:
        """For how long this process may have missed a record; infinite until it was at the end once."""
        return float("inf") if self._current_at is None else self._clock.monotonic() - self._current_at

    async def unready(self) -> str | None:
        """Readiness check: return how far behind the tail is, or None."""
        if not self.ready.is_set():
            return _UNKNOWN
        return None if self.lag_s <= self._tail.lag_max_s else f"{self.lag_s:.0f} s behind"

    async def _follow(self, reader: AIOKafkaConsumer) -> NoReturn:
        reader.assign([self._partition])
        reader.seek(self._partition, self.position)
        async with asyncio.timeout(self._tail.answer_timeout_s):
            end = await self._end(reader)
        self._reader, self._answered_ms = reader, None
        while True:
            self._tell_moved()
            if self.position >= end:
                self.ready.set()
            chunk = await reader.getmany(
                self._partition, timeout_ms=self._tail.poll_ms, max_records=self._tail.chunk_max_records
            )
            for record in chunk.get(self._partition, ()):
                self._on_record(record)
            self.position = await reader.position(self._partition)
            self._note_currency(reader)

    def _note_currency(self, reader: AIOKafkaConsumer) -> None:
        """Note that all was known just now, if a fetch was answered since the last look and nothing is behind the position."""
        answered_ms = reader.last_poll_timestamp(self._partition)
        if answered_ms != self._answered_ms and self.position >= (reader.last_stable_offset(self._partition) or 0):
            self._current_at = self._clock.monotonic()
        self._answered_ms = answered_ms

    async def _end(self, reader: AIOKafkaConsumer) -> int:
        try:
            ends = await reader.end_offsets([self._partition])
        except KafkaError as exc:
            raise TimeoutError(f"no end of {self._partition.topic}: {type(exc).__name__}") from exc
        end: int = ends[self._partition]
        return end

    def _tell_moved(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
