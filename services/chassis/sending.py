"""A producer for a span of time, after which it sends nothing more: what is not acknowledged by then is given up.

Stopping a producer in the ordinary way waits until the broker has taken everything, however long that is; and one that
was merely left alone would still deliver its old batches when the broker is back, behind newer ones of its successor.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaProducer

from services.chassis.kafka import producer
from services.chassis.settings import Kafka

_PATIENCE_S: Final = 0.3
"""For the sender's tasks to end by themselves."""


class StillSendingError(Exception):
    """The producer could not be brought to an end: this process must, or it may send what it gave up."""


@asynccontextmanager
async def sending(kafka: Kafka, *, client_id: str, end_timeout_s: float = 5.0) -> AsyncIterator[AIOKafkaProducer]:
    """Start an idempotent producer and cut it off at the end. Nobody may await its acknowledgements any more by then.

    Raises what `start` raises while there is no broker, and StillSendingError.
    """
    started = producer(kafka, client_id=client_id)
    try:
        await started.start()
        yield started
    finally:
        try:
            async with asyncio.timeout(end_timeout_s):
                await _cut_off(started)
        except TimeoutError:
            raise StillSendingError(client_id) from None


async def _cut_off(started: AIOKafkaProducer) -> None:
    """Use the library's own parts, whose version is pinned: it has no such end. Closing the connections ends requests in
    flight. The sender awaits their tasks, which may wait for news of the cluster that no longer come: it is cancelled
    until it is over. What it put back or never took is dropped, so that `stop` finds nothing to wait for.
    """
    task, accumulator = started._sender.sender_task, started._message_accumulator  # noqa: SLF001 - see above
    if task is not None:
        task.cancel()
        await started.client.close()
        while not task.done():
            await asyncio.wait([task], timeout=_PATIENCE_S)
            task.cancel()
        accumulator._batches.clear()  # noqa: SLF001 - see above
        accumulator._pending_batches.clear()  # noqa: SLF001 - see above
    await started.stop()
