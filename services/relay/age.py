"""The age of what waits in the outbox, measured whoever leads, so that a workspace without any leader is noticed."""

import asyncio
from typing import NoReturn

from services.chassis.errors import RetryableError
from services.relay import metrics
from services.relay.outbox import Outbox


async def watch_age(outbox: Outbox, interval_s: float) -> NoReturn:
    """Measure in every interval. While the database is away the age is not a number."""
    while True:
        try:
            age_s = await outbox.age_s()
        except RetryableError:
            age_s = float("nan")
        metrics.OUTBOX_AGE_SECONDS.set(age_s)
        await asyncio.sleep(interval_s)
