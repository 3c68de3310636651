"""Single interactions into the outbox, each committed by itself."""

import asyncio

from services.chassis.failpoints import failpoint
from services.chassis.postgres import Pool, translated
from services.ingest.stamping import Stamped
from services.ingest.transactions import SQL, enqueue, transaction


class Outbox:
    """The outbox of the database. Every call raises RetryableError while it is away or slow."""

    def __init__(self, pool: Pool, *, timeout_s: float) -> None:
        self._pool, self._timeout_s = pool, timeout_s

    async def waiting(self, prospect_id: str) -> bool:
        """Tell whether the first snapshot or interactions of a prospect are in it still."""
        with translated():
            async with asyncio.timeout(self._timeout_s):
                return bool(await self._pool.fetchval(SQL["waiting"], prospect_id))

    async def enqueue(self, interaction: Stamped) -> None:
        """Put one interaction into it; it is durable when this returns."""
        failpoint("ingest.before-outbox")
        async with transaction(self._pool, timeout_s=self._timeout_s) as connection:
            await enqueue(connection, [interaction])
        failpoint("ingest.after-outbox")
