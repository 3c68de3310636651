"""One partition's way into the log: what requests add gathers while a batch is in flight, and leaves as the next one."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from aiokafka import AIOKafkaProducer

from services.chassis.clock import Clock
from services.chassis.errors import RetryableError
from services.chassis.kafka_batches import ProducerDeadError, Record, batches, send_batches
from services.chassis.settings import Kafka
from services.ingest.patience import Patience
from services.ingest.settings import Publishing


@dataclass(eq=False, slots=True)
class Share:
    """One request's records for one partition. `durable` ends when the broker has them; ended before, they are not sent."""

    durable: asyncio.Future[None]
    records: list[Record] = field(default_factory=list)
    size_bytes: int = 0


class Lane:
    """Sends shares in the order in which they came, one batch in flight, and gives up those that wait too long."""

    def __init__(
        self,
        kafka: Kafka,
        producer: AIOKafkaProducer,
        topic: str,
        partition: int,
        publishing: Publishing,
        clock: Clock,
    ) -> None:
        self._kafka, self._producer, self._topic, self._partition = kafka, producer, topic, partition
        self._gather_s, self._clock = publishing.gather_s, clock
        self._patience = Patience(publishing.ack_timeout_s, self._give_up)
        self._waiting: deque[Share] = deque()
        self.waiting_bytes = 0
        """How much no batch has taken yet, but for what somebody gave up before its time."""
        self._filled = asyncio.Event()
        self._in_flight_since: float | None = None

    def add(self, share: Share) -> None:
        """Put a share behind those that wait."""
        self._waiting.append(share)
        self.waiting_bytes += share.size_bytes
        self._patience.watch(share.durable)
        self._filled.set()

    @property
    def in_flight_s(self) -> float:
        """For how long the broker has owed an acknowledgement, 0 when it owes none."""
        return 0.0 if self._in_flight_since is None else self._clock.monotonic() - self._in_flight_since

    async def run(self) -> NoReturn:
        """Send until the producer fails or this is cancelled; then nobody waits in vain. Raises what sending raises."""
        shares: list[Share] = []
        try:
            while True:
                await self._filled.wait()
                await asyncio.sleep(self._gather_s)
                shares = self._take()
                await self._send(shares)
        finally:
            for share in (*shares, *self._waiting):
                if not share.durable.done():
                    share.durable.set_exception(RetryableError("the broker did not acknowledge"))

    def _take(self) -> list[Share]:
        """Return the next shares that are still waited for, as many as fit a batch, but one at least."""
        taken: list[Share] = []
        room = self._kafka.batch_max_bytes
        while self._waiting and (not taken or self._waiting[0].size_bytes <= room):
            share = self._next()
            if not share.durable.done():
                taken.append(share)
                room -= share.size_bytes
        if not self._waiting:
            self._filled.clear()
        return taken

    def _next(self) -> Share:
        share = self._waiting.popleft()
        self.waiting_bytes -= share.size_bytes
        return share

    def _give_up(self, durable: asyncio.Future[None]) -> None:
        durable.set_exception(RetryableError("the broker did not acknowledge in time"))
        while self._waiting and self._waiting[0].durable.done():
            self._next()

    async def _send(self, shares: Sequence[Share]) -> None:
        packed = batches(self._kafka, self._producer, [record for share in shares for record in share.records])
        self._in_flight_since = self._clock.monotonic()
        await send_batches(self._kafka, self._producer, self._topic, self._partition, packed)
        self._in_flight_since = None
        for share in shares:
            if not share.durable.done():
                share.durable.set_result(None)


FAILURES = (RetryableError, ProducerDeadError)
"""What `Lane.run` raises when its producer is of no more use."""
