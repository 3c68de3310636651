"""Waits until rows of the outbox are gone: the relay deletes a row only when the broker has acknowledged its record.

One connection listens for the relay's notices, and one statement asks for all who wait; where a notice is missed, or the
connection is lost, the next poll finds out.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from services.chassis.errors import RetryableError
from services.chassis.postgres import DRIVER_ERRORS, Connection, Pool, translated
from services.chassis.problems import Problem, unavailable
from services.chassis.sql_files import load_sql
from services.console.metrics import PUBLICATIONS_LATE, PUBLICATIONS_WAITING
from services.console.settings import Console

SQL: Final = load_sql(Path(__file__).parent / "sql" / "publications.sql")
CHANNEL: Final = "finish_published"
_RECONNECT_S: Final = 0.5

log = structlog.get_logger()


class Publications:
    """Who waits for which row of the outbox. `watch` must be running."""

    def __init__(self, pool: Pool, console: Console) -> None:
        self._pool, self._console = pool, console
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._wake = asyncio.Event()

    async def wait(self, seqs: Sequence[int]) -> None:
        """Return once every one of these rows is in the log. Raises Problem 504 when that takes too long, 503 when too
        many wait already; what was saved stays saved."""
        if len(self._waiting) + len(seqs) > self._console.publish_waiting_max:
            raise unavailable()
        futures = {asyncio.get_running_loop().create_future(): seq for seq in seqs}
        self._waiting.update(futures)
        self._wake.set()
        try:
            async with asyncio.timeout(self._console.publish_timeout_s):
                for future in futures:
                    await future
        except TimeoutError:
            PUBLICATIONS_LATE.inc()
            raise _late() from None
        finally:
            for future in futures:
                self._waiting.pop(future, None)
            PUBLICATIONS_WAITING.set(len(self._waiting))

    async def watch(self) -> None:
        """Look at the outbox whenever there may be news, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="publications-listen")
            group.create_task(self._look(), name="publications-look")

    async def _look(self) -> None:
        while True:
            await self._news()
            PUBLICATIONS_WAITING.set(len(self._waiting))
            try:
                await self._release()
            except RetryableError as exc:
                log.warning("publications_unread", reason=exc.reason)
                await asyncio.sleep(_RECONNECT_S)

    async def _news(self) -> None:
        """Wait for a notice or a new waiter; while somebody waits, no longer than the poll."""
        try:
            async with asyncio.timeout(self._console.publish_poll_s if self._waiting else None):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _release(self) -> None:
        asked = list(self._waiting.items())
        if not asked:
            return
        with translated():
            rows = await self._pool.fetch(SQL["unpublished"], [seq for _, seq in asked])
        left = {row["seq"] for row in rows}
        for future, seq in asked:
            if seq not in left and not future.done():
                future.set_result(None)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._pool.acquire(timeout=self._console.publish_timeout_s) as connection:
                    await self._hear(connection)
            except DRIVER_ERRORS as exc:
                log.warning("publications_unheard", reason=type(exc).__name__)
            await asyncio.sleep(_RECONNECT_S)

    async def _hear(self, connection: Connection) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()

        def heard(*_: Any) -> None:
            self._wake.set()

        def ended(*_: Any) -> None:
            lost.set()

        connection.add_termination_listener(ended)
        await connection.add_listener(CHANNEL, heard)
        try:
            await lost.wait()
        finally:
            connection.remove_termination_listener(ended)
            if not connection.is_closed():
                await connection.remove_listener(CHANNEL, heard)


def _late() -> Problem:
    return Problem(
        504,
        "not-published-yet",
        "Saved, but not yet published",
        "It is saved and will be published as soon as the log takes it. Read it before you repeat the call.",
    )
