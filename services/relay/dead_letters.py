"""How many dead letters there are, counted by the one relay that leads, so that no sum over processes counts them twice."""

import asyncio
from typing import NoReturn

from services.chassis.errors import RetryableError
from services.relay import metrics
from services.relay.outbox import Outbox


async def watch_dead_letters(outbox: Outbox, interval_s: float, letters_max: int) -> NoReturn:
    """Count in every interval, until cancelled; then, and while the database is away, nothing is shown."""
    try:
        while True:
            try:
                counts = await outbox.dead_letters(letters_max)
            except RetryableError:
                counts = {}
            metrics.DEAD_LETTERS_PRESENT.clear()
            for (topic, reason), letters in counts.items():
                metrics.DEAD_LETTERS_PRESENT.labels(topic, reason).set(letters)
            await asyncio.sleep(interval_s)
    finally:
        metrics.DEAD_LETTERS_PRESENT.clear()
