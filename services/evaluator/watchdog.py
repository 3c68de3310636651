"""Ends a process that looks alive and does nothing: consumers are known to die quietly.

It asks the broker itself, by its own connection, how far the log reaches. A broker that does not answer is no fault of this
process, nor is a lane that waits for a definition.
"""

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.chassis import kafka
from services.chassis.clock import Clock
from services.chassis.process import fail_stop
from services.chassis.settings import Kafka
from services.evaluator import metrics
from services.evaluator.lanes import Lane
from services.evaluator.ownership import Ownership
from services.evaluator.settings import Evaluator

_CLIENT: Final = "finish-evaluator-watchdog"


class Watchdog:
    """Measures lag and the age of what is not yet in a checkpoint, and draws the consequence."""

    def __init__(self, settings: Evaluator, ownership: Ownership, clock: Clock) -> None:
        self._settings, self._ownership, self._clock = settings, ownership, clock
        self._settled_at = clock.monotonic()

    async def run(self, kafka_settings: Kafka) -> None:
        """Look every `watchdog_interval_s`, until cancelled."""
        reader = kafka.consumer(kafka_settings, client_id=_CLIENT, isolation="read_uncommitted")
        async with kafka.running(reader):
            while True:
                await asyncio.sleep(self._settings.watchdog_interval_s)
                ends = await self._ends(reader)
                if ends is not None and (verdict := self.verdict(ends)) is not None:
                    fail_stop(verdict)

    async def _ends(self, reader: AIOKafkaConsumer) -> dict[TopicPartition, int] | None:
        sources = list(self._ownership.lanes)
        if not sources:
            return {}
        try:
            async with asyncio.timeout(self._settings.watchdog_interval_s):
                ends: dict[TopicPartition, int] = await reader.end_offsets(sources)
        except (TimeoutError, KafkaError, OSError):
            self._forgive()
            return None
        return ends

    def _forgive(self) -> None:
        """While the broker is away nobody can progress: the time starts anew when it is back."""
        now = self._settled_at = self._clock.monotonic()
        for lane in self._ownership.lanes.values():
            lane.progressed_at = now

    def verdict(self, ends: dict[TopicPartition, int]) -> str | None:
        """Return why this process must end, or None; `ends` is how far the log reaches."""
        now = self._clock.monotonic()
        if not self._ownership.rebalancing:
            self._settled_at = now
        elif now - self._settled_at > self._settings.rebalance_max_s:
            return f"a rebalance has not ended for {self._settings.rebalance_max_s} s"
        for source, lane in list(self._ownership.lanes.items()):
            if source in ends and (age_s := self._age(lane, ends[source], now)) > self._settings.watchdog_s:
                return f"partition {source.partition}: lag, and no checkpoint for {age_s:.0f} s"
        return None

    def _age(self, lane: Lane, end: int, now: float) -> float:
        """Return for how long there has been work and no checkpoint."""
        lag = max(end - lane.saved, 0)
        waits = not lane.live and lane.waits_for is not None
        if lag == 0 or waits or self._ownership.rebalancing:
            lane.progressed_at = now
        age_s = now - lane.progressed_at
        metrics.LAG.labels(lane.source.partition).set(lag)
        metrics.CHECKPOINT_AGE_SECONDS.labels(lane.source.partition).set(age_s)
        return age_s
