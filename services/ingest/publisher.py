"""Interactions on their way into the log; whoever waits is told when his are durable, or after a moment that they may not
be. Then the client repeats them: the same event id is the same interaction.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, NoReturn

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas import topics
from services.chassis.backoff import Backoff
from services.chassis.clock import Clock
from services.chassis.errors import RetryableError
from services.chassis.failpoints import failpoint
from services.chassis.partitioner import partition_for
from services.chassis.sending import sending
from services.chassis.settings import Kafka
from services.ingest import metrics
from services.ingest.lanes import FAILURES, Lane, Share
from services.ingest.settings import Publishing
from services.ingest.stamping import Stamped

log = structlog.get_logger()


class Publisher:
    """Publishes while `run` runs, over any number of producers: one that fails is replaced, with its lanes."""

    def __init__(self, kafka: Kafka, publishing: Publishing, clock: Clock) -> None:
        self._kafka = kafka.model_copy(update={"delivery_timeout_s": publishing.delivery_timeout_s})
        self._publishing, self._clock = publishing, clock
        self._topic = kafka.topic(topics.INTERACTIONS)
        self._lanes: Sequence[Lane] = ()
        self._connected = asyncio.Event()

    async def publish(self, interactions: Sequence[Stamped]) -> None:
        """Return when the broker has acknowledged all. Raises RetryableError: it is unknown which ones it has."""
        await self.send(interactions)

    def send(self, interactions: Sequence[Stamped]) -> Awaitable[None]:
        """Hand interactions over; what is returned ends as `publish` does and holds none of them once there is a broker.

        Raises RetryableError at once where it is known already that nothing can be sent.
        """
        if not interactions:
            return asyncio.sleep(0)
        failpoint("ingest.before-publish")
        began = self._clock.monotonic()
        connected = self._connected.is_set()
        return self._timed(self._handed_over(interactions) if connected else self._in_time(interactions), began)

    async def run(self) -> NoReturn:
        """Keep a producer at work for ever."""
        failures, backoff = 0, Backoff(self._publishing.backoff_min_s, self._publishing.backoff_max_s)
        while True:
            try:
                async with sending(self._kafka, client_id="finish-ingest") as producer:
                    await self._serve(producer)
            except* (*FAILURES, KafkaError, OSError) as failed:
                cause = type(failed.exceptions[0]).__name__
                metrics.PRODUCERS_REPLACED.labels(cause).inc()
                log.warning("producer_replaced", cause=cause)
            finally:
                served = self._connected.is_set()
                self._connected.clear()
                self._lanes = ()
            failures = 1 if served else failures + 1
            await asyncio.sleep(backoff.delay_s(failures))

    async def unready(self) -> str | None:
        """Readiness check: return why events cannot be published now, or None."""
        if not self._connected.is_set():
            return "no broker"
        return "the broker does not acknowledge" if any(map(self._stalled, self._lanes)) else None

    async def _serve(self, producer: AIOKafkaProducer) -> None:
        count = len(await producer.partitions_for(self._topic))
        self._lanes = [
            Lane(self._kafka, producer, self._topic, partition, self._publishing, self._clock)
            for partition in range(count)
        ]
        self._connected.set()
        async with asyncio.TaskGroup() as group:
            for partition, lane in enumerate(self._lanes):
                group.create_task(lane.run(), name=f"lane-{partition}")

    async def _timed(self, acknowledged: Awaitable[Any], began: float) -> None:
        try:
            await acknowledged
        finally:
            metrics.ACK_SECONDS.observe(self._clock.monotonic() - began)
        failpoint("ingest.after-ack")

    async def _in_time(self, interactions: Sequence[Stamped]) -> None:
        """Wait for a producer first; the time for both is the same."""
        try:
            async with asyncio.timeout(self._publishing.ack_timeout_s):
                while not self._connected.is_set():
                    await self._connected.wait()
                await self._handed_over(interactions)
        except TimeoutError:
            raise RetryableError("the broker did not acknowledge in time") from None

    def _handed_over(self, interactions: Sequence[Stamped]) -> Awaitable[Any]:
        shares = self._shares(interactions)
        self._require_room(shares)
        for partition, share in shares.items():
            self._lanes[partition].add(share)
        durable = [share.durable for share in shares.values()]
        return durable[0] if len(durable) == 1 else asyncio.gather(*durable)

    def _shares(self, interactions: Sequence[Stamped]) -> Mapping[int, Share]:
        shares: dict[int, Share] = {}
        new_future, count = asyncio.get_running_loop().create_future, len(self._lanes)
        for interaction in interactions:
            key, value = interaction.key.encode(), interaction.value
            partition = partition_for(key, count)
            share = shares.get(partition)
            if share is None:
                share = shares[partition] = Share(new_future())
            share.records.append((key, value, []))
            share.size_bytes += len(value)
        return shares

    def _require_room(self, shares: Mapping[int, Share]) -> None:
        """Refuse at once what would wait in vain: behind a broker that owes an answer, or a queue that is full."""
        asked = 0
        for partition, share in shares.items():
            if self._stalled(self._lanes[partition]):
                raise RetryableError("the broker does not acknowledge")
            asked += share.size_bytes
        if asked + sum([lane.waiting_bytes for lane in self._lanes]) > self._publishing.waiting_max_bytes:
            raise RetryableError("too much waits for the broker")

    def _stalled(self, lane: Lane) -> bool:
        return lane.in_flight_s > self._publishing.ack_timeout_s
