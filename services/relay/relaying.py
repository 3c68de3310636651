"""The relay's round, again and again: read the oldest rows, publish them, delete what the broker has.

A round that fails anywhere is repeated from its beginning with a new producer: whatever was published of it is published
again, in the same order. Crash boundaries are `relay.before-publish`, `relay.after-ack` and `relay.after-delete`.
"""

import asyncio
from typing import NoReturn

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from services.chassis.backoff import Backoff
from services.chassis.errors import RetryableError
from services.chassis.failpoints import failpoint
from services.chassis.kafka_batches import ProducerDeadError
from services.chassis.sending import sending
from services.chassis.settings import Kafka
from services.relay import metrics
from services.relay.leadership import Leadership, NotLeadingError
from services.relay.outbox import DeadRow, Outbox, Row, needed
from services.relay.publish import OVERSIZE, Publisher
from services.relay.settings import Relay

log = structlog.get_logger()


class Relaying:
    """Empties the outbox into the log while this process leads."""

    def __init__(self, outbox: Outbox, kafka: Kafka, relay: Relay) -> None:
        self._outbox, self._kafka, self._relay = outbox, kafka, relay
        self._woken = asyncio.Event()
        self._rows_max = relay.batch_max_rows
        self._interrupted: str | None = None

    def wake(self) -> None:
        """Look at the outbox now."""
        self._woken.set()

    async def interrupted(self) -> str | None:
        """Readiness check: return why publishing does not go on, or None."""
        return self._interrupted

    async def run(self, leadership: Leadership) -> NoReturn:
        """Publish until cancelled. Raises NotLeadingError."""
        failures, backoff = 0, Backoff(self._relay.backoff_min_s, self._relay.backoff_max_s)
        try:
            while True:
                try:
                    async with sending(self._kafka, client_id="finish-relay") as producer:
                        publisher = Publisher(self._kafka, producer, leadership.require)
                        while True:
                            await self._round(publisher)
                            self._interrupted, failures = None, 0
                except NotLeadingError:
                    raise
                except (RetryableError, ProducerDeadError, KafkaError, OSError) as exc:
                    self._note(exc)
                failures += 1
                await asyncio.sleep(backoff.delay_s(failures))
        finally:
            self._interrupted = None

    async def _round(self, publisher: Publisher) -> None:
        self._woken.clear()
        rows = await self._outbox.oldest(self._rows_max)
        if not rows:
            await self._news()
            return
        with metrics.ROUND_SECONDS.time():
            failpoint("relay.before-publish")
            wanted = needed(rows)
            dead = await self._publish(publisher, wanted)
            failpoint("relay.after-ack")
            await self._outbox.settle(rows, dead)
            failpoint("relay.after-delete")
        metrics.SUPERSEDED.inc(len(rows) - len(wanted))
        if len(rows) < self._rows_max:
            await asyncio.sleep(self._relay.gather_s)
        self._rows_max = min(2 * self._rows_max, self._relay.batch_max_rows)

    async def _publish(self, publisher: Publisher, rows: list[Row]) -> list[DeadRow]:
        """Publish, and when the broker takes less at once than our settings say, find its limit by halving: a row that it
        refuses alone is a dead letter. Each refusal costs a producer.
        """
        try:
            return await publisher.publish(rows)
        except ProducerDeadError as exc:
            if not isinstance(exc.__cause__, MessageSizeTooLargeError):
                raise
            if self._rows_max > 1:
                self._rows_max //= 2
                raise
            return [DeadRow(row, "oversize", OVERSIZE) for row in rows]

    async def _news(self) -> None:
        """Wait for a notice that there is something, no longer than the poll."""
        try:
            async with asyncio.timeout(self._relay.poll_s):
                await self._woken.wait()
        except TimeoutError:
            return

    def _note(self, exc: Exception) -> None:
        self._interrupted = cause = type(exc).__name__
        metrics.INTERRUPTIONS.labels(cause).inc()
        log.warning("publishing_interrupted", cause=cause, reason=str(exc))
