"""A pool of PostgreSQL connections with every time-out set, and the answer to "retry or not?" for its errors.

Opening the pool connects to nothing yet (`pool_min` 0): a process starts while the database is away, and its readiness
check says so. A server older than `VERSION_MIN` is refused at each connection.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg
import orjson
from asyncpg.transaction import Transaction

from services.chassis.errors import PermanentError, RetryableError
from services.chassis.settings import Postgres

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy
    from asyncpg.transaction import _IsolationLevels

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

VERSION_MIN: Final = 17
"""`pg_c_utf8`, which the schema folds case with, came with PostgreSQL 17."""
DRIVER_ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""All that a call of the driver raises for a reason outside this process."""

_RETRYABLE_CLASSES: Final = frozenset({"08", "40", "53", "55", "57", "58"})
_RETRYABLE_STATES: Final = frozenset({"25006", "25P03"})
"""A primary that has become a standby; a session ended because it was idle in a transaction."""
_PERMANENT_CLASSES: Final = frozenset({"22", "23"})
_CLOSED: Final = ("clos", "released back to the pool")
"""Of "connection is closed", "pool is closing", and of a connection that was lost while it was in use."""
_QUERIES_PER_CONNECTION_MAX: Final = 50_000
_IDLE_MAX_S: Final = 300.0
_RELEASE_MAX_S: Final = 5.0
_ROLLBACK_MAX_S: Final = 5.0
_CLIENT_MARGIN_S: Final = 2.0
"""The server's time-out comes first and is the clearer one; the driver's catches a connection that went silent."""


class _Transaction(Transaction):
    """Ends with the body's own exception, in bounded time.

    A query that was cut short, by a cancellation or its time-out, is awaited by the rollback: until the server says that it is
    over, and for ever if the connection is lost before that. A connection that cannot be rolled back is of no more use, and
    what is to be told is why the body ended: a cancellation above all.
    """

    async def __aexit__(self, extype: object, ex: object, tb: object) -> None:
        """Commit, or roll back."""
        if ex is None:
            await super().__aexit__(extype, ex, tb)
            return
        try:
            async with asyncio.timeout(_ROLLBACK_MAX_S):
                await super().__aexit__(extype, ex, tb)
        except DRIVER_ERRORS:
            self._connection.terminate()  # type: ignore[attr-defined]  # asyncpg's own


class _Connection(asyncpg.Connection):
    """Begins transactions that come to an end."""

    def transaction(
        self,
        *,
        isolation: "_IsolationLevels | None" = None,
        readonly: bool = False,
        deferrable: bool = False,
    ) -> Transaction:
        """Make a transaction."""
        return _Transaction(self, isolation, readonly, deferrable)


class _Pool(asyncpg.Pool):
    """Frees the place of a connection that the driver has given up in the middle of its own bookkeeping.

    That happens when a query starts just as the server ends the session. asyncpg takes such a connection for one that
    frees its own place, which it does not: after some restarts of the server the pool would be empty for good.
    https://github.com/MagicStack/asyncpg/issues/784

    And a connection that was cancelled in a query waits to be told so by its server when it is given back, without end unless
    that has a time-out: a task that is cancelled just as the server dies would never end. When the time is over the connection
    is closed and the place is free; that is nobody's failure. Raised, it would take the place of the cancellation, and whoever
    tries again after a time-out would go on as if it had not been cancelled.
    """

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's name
        """Take a connection back."""
        with suppress(asyncpg.InterfaceError):  # it has been taken back already
            if connection.is_closed():
                connection.terminate()
        try:
            await super().release(connection, timeout=_RELEASE_MAX_S if timeout is None else timeout)
        except DRIVER_ERRORS as exc:
            if not retryable(exc):
                raise


@asynccontextmanager
async def pool(postgres: Postgres, *, application_name: str) -> AsyncIterator[Pool]:
    """Open a pool, and close it at the end, cutting off what still runs after `acquire_timeout_s`."""
    opened = await _Pool(
        postgres.url.get_secret_value(),
        min_size=postgres.pool_min,
        max_size=postgres.pool_max,
        max_queries=_QUERIES_PER_CONNECTION_MAX,
        max_inactive_connection_lifetime=_IDLE_MAX_S,
        connection_class=_Connection,
        record_class=asyncpg.Record,
        loop=None,
        init=_prepare,
        reset=_as_it_is,
        timeout=postgres.connect_timeout_s,
        command_timeout=postgres.statement_timeout_s + _CLIENT_MARGIN_S,
        server_settings={
            "application_name": application_name,
            "statement_timeout": _milliseconds(postgres.statement_timeout_s),
            "lock_timeout": _milliseconds(postgres.lock_timeout_s),
            "idle_in_transaction_session_timeout": _milliseconds(postgres.idle_in_transaction_timeout_s),
            "transaction_timeout": _milliseconds(postgres.transaction_timeout_s),
            "timezone": "UTC",
            "jit": "off",
        },
    )
    try:
        yield opened
    finally:
        try:
            await asyncio.wait_for(opened.close(), postgres.acquire_timeout_s)
        except TimeoutError:
            opened.terminate()


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    require_version(connection.get_server_version().major)
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=_encode, decoder=orjson.loads, schema="pg_catalog")


async def _as_it_is(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Save the round trip that resets a returned session: whoever sets or locks something does it for a transaction."""


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()


def require_version(major: int) -> None:
    """Raise PermanentError for a server that lacks what the migrations use."""
    if major < VERSION_MIN:
        raise PermanentError(f"PostgreSQL {major} is too old: {VERSION_MIN} or newer is needed")


def retryable(exc: BaseException) -> bool:
    """Tell whether the same work may succeed later: lost connections, conflicts, time-outs, a server that is ending."""
    if isinstance(exc, asyncpg.PostgresError):
        state = exc.sqlstate or ""
        return state[:2] in _RETRYABLE_CLASSES or state in _RETRYABLE_STATES
    if isinstance(exc, asyncpg.InterfaceError):
        return not isinstance(exc, ValueError) and any(part in str(exc) for part in _CLOSED)
    return isinstance(exc, asyncpg.InternalClientError | OSError | TimeoutError)


def permanent(exc: BaseException) -> bool:
    """Tell whether the data is at fault (SQLSTATE classes 22, 23): the same values will always be refused."""
    if isinstance(exc, asyncpg.PostgresError):
        return (exc.sqlstate or "")[:2] in _PERMANENT_CLASSES
    return isinstance(exc, asyncpg.DataError)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into RetryableError or PermanentError. Neither, such as a missing table, is a bug and
    passes unchanged. Reasons carry the SQLSTATE and the constraint's name, never a value."""
    try:
        yield
    except DRIVER_ERRORS as exc:
        if retryable(exc):
            raise RetryableError(_reason(exc)) from exc
        if permanent(exc):
            raise PermanentError(_reason(exc)) from exc
        raise


def _reason(exc: Exception) -> str:
    parts = [type(exc).__name__, getattr(exc, "sqlstate", None), getattr(exc, "constraint_name", None)]
    return " ".join(part for part in parts if part)


async def unreachable(pool: Pool, *, timeout_s: float = 1.0) -> str | None:
    """Readiness check: return why the database does not answer, or None."""
    try:
        await pool.fetchval("SELECT 1", timeout=timeout_s)
    except (*DRIVER_ERRORS, PermanentError) as exc:
        return f"database: {_reason(exc)}"
    return None
