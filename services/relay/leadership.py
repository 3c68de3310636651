"""One relay publishes per database: the one that holds an advisory lock, on a connection of its own.

The lock is a lease. Its holder shows once a second that it lives; the database cuts off a connection that has been idle for
`idle_max_s`, and with it a process that hangs; the holder counts on the lock for `valid_s` only, less than that. So when a
standby takes over, the old holder sends nothing any more, also when it wakes up later.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import asyncpg
import structlog

from services.chassis.clock import Clock
from services.chassis.errors import RetryableError
from services.chassis.postgres import DRIVER_ERRORS, require_version, retryable
from services.chassis.settings import Postgres
from services.chassis.sql_files import load_sql
from services.relay import metrics
from services.relay.settings import Lease

SQL: Final = load_sql(Path(__file__).parent / "sql" / "leadership.sql")
CHANNEL: Final = "finish_outbox"

log = structlog.get_logger()


class NotLeadingError(RetryableError):
    """The lock is lost, or was not shown to be held for too long."""


class Leadership:
    """Takes turns with other processes at `work`, which runs while this one leads and is cancelled when it does not."""

    def __init__(self, postgres: Postgres, lease: Lease, clock: Clock, wake: Callable[[], None]) -> None:
        self._postgres, self._lease, self._clock, self._wake = postgres, lease, clock, wake
        self._shown_at = float("-inf")

    def require(self) -> None:
        """Return if the lock is surely held. Raises NotLeadingError."""
        if self._clock.monotonic() - self._shown_at > self._lease.valid_s:
            raise NotLeadingError("the lock was not shown to be held in time")

    async def run(self, work: Callable[[], Awaitable[NoReturn]]) -> NoReturn:
        """Wait for the lock, lead until it is lost, and begin again, for ever."""
        while True:
            try:
                async with self._connection() as connection:
                    await self._acquire(connection)
                    await self._lead(connection, work)
            except NotLeadingError as exc:
                log.warning("leadership_lost", reason=exc.reason)
            except DRIVER_ERRORS as exc:
                if not retryable(exc):
                    raise
                log.warning("leadership_unavailable", reason=type(exc).__name__)
            await asyncio.sleep(self._lease.takeover_poll_s)

    async def _acquire(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        while True:
            asked_at = self._clock.monotonic()
            if await connection.fetchval(SQL["acquire"]):
                self._shown_at = asked_at
                return
            await asyncio.sleep(self._lease.takeover_poll_s)

    async def _lead(
        self, connection: "asyncpg.Connection[asyncpg.Record]", work: Callable[[], Awaitable[NoReturn]]
    ) -> None:
        log.info("leadership_taken")
        metrics.ACTIVE.set(1)
        try:
            await connection.add_listener(CHANNEL, self._heard)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._show(connection), name="heartbeat")
                group.create_task(_forever(work), name="work")
        except ExceptionGroup as failed:
            if failed.split(NotLeadingError)[1] is None:
                raise NotLeadingError(str(failed.exceptions[0])) from None
            raise
        finally:
            metrics.ACTIVE.set(0)
            self._shown_at = float("-inf")

    def _heard(self, *_: Any) -> None:
        self._wake()

    async def _show(self, connection: "asyncpg.Connection[asyncpg.Record]") -> NoReturn:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        while True:
            try:
                async with asyncio.timeout(self._lease.heartbeat_s):
                    await lost.wait()
                raise NotLeadingError("the lock's connection was lost")
            except TimeoutError:
                pass
            asked_at = self._clock.monotonic()
            try:
                held = await connection.fetchval(SQL["held"])
            except DRIVER_ERRORS as exc:
                raise NotLeadingError(f"the lock's connection failed: {type(exc).__name__}") from exc
            if not held:
                raise NotLeadingError("the lock is not held any more")
            self._shown_at = asked_at

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """Open the lock's connection, outside the pool: it ends when its holder does."""
        answer_timeout_s = self._lease.answer_timeout_s
        connection = await asyncpg.connect(
            self._postgres.url.get_secret_value(),
            timeout=self._postgres.connect_timeout_s,
            command_timeout=answer_timeout_s,
            server_settings={
                "application_name": "finish-relay-lock",
                "idle_session_timeout": str(round(self._lease.idle_max_s * 1000)),
            },
        )
        try:
            require_version(connection.get_server_version().major)
            yield connection
        finally:
            connection.terminate()


async def _forever(work: Callable[[], Awaitable[NoReturn]]) -> None:
    await work()
