import asyncio
import socket

import asyncpg
import pytest
from asyncpg import exceptions
from pydantic import SecretStr

from services.chassis.errors import PermanentError, RetryableError
from services.chassis.postgres import permanent, pool, require_version, retryable, translated, unreachable
from services.chassis.settings import Postgres

RETRYABLE = [
    exceptions.SerializationError,
    exceptions.DeadlockDetectedError,
    exceptions.TooManyConnectionsError,
    exceptions.DiskFullError,
    exceptions.LockNotAvailableError,
    exceptions.QueryCanceledError,
    exceptions.AdminShutdownError,
    exceptions.CannotConnectNowError,
    exceptions.ConnectionDoesNotExistError,
    exceptions.ReadOnlySQLTransactionError,
    exceptions.IdleInTransactionSessionTimeoutError,
]
PERMANENT = [
    exceptions.UniqueViolationError,
    exceptions.CheckViolationError,
    exceptions.NumericValueOutOfRangeError,
    exceptions.StringDataRightTruncationError,
]
BUGS = [exceptions.UndefinedTableError, exceptions.PostgresSyntaxError, exceptions.InsufficientPrivilegeError]


@pytest.mark.parametrize("kind", RETRYABLE)
def test_what_may_pass_by_itself_is_retryable(kind: type[asyncpg.PostgresError]) -> None:
    with pytest.raises(RetryableError), translated():
        raise kind("value 42")


@pytest.mark.parametrize(
    "exc",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        socket.gaierror(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InterfaceError("cannot call fetch(): connection has been released back to the pool"),
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
    ],
)
def test_a_lost_connection_is_retryable(exc: Exception) -> None:
    with pytest.raises(RetryableError), translated():
        raise exc


@pytest.mark.parametrize("kind", PERMANENT)
def test_what_the_values_are_to_blame_for_is_permanent_and_not_quoted(kind: type[asyncpg.PostgresError]) -> None:
    with pytest.raises(PermanentError) as raised, translated():
        raise kind("value 42 is wrong")
    assert raised.value.reason == f"{kind.__name__} {kind.sqlstate}"


def test_a_value_that_the_driver_cannot_encode_is_permanent() -> None:
    with pytest.raises(PermanentError), translated():
        raise asyncpg.DataError("invalid input for query argument $1: 'x'")


@pytest.mark.parametrize("kind", BUGS)
def test_a_mistake_of_ours_is_neither(kind: type[asyncpg.PostgresError]) -> None:
    assert not retryable(kind("x"))
    assert not permanent(kind("x"))
    with pytest.raises(kind), translated():
        raise kind("x")


def test_other_exceptions_pass_untouched() -> None:
    with pytest.raises(asyncio.CancelledError), translated():
        raise asyncio.CancelledError


def test_a_server_without_what_the_migrations_use_is_refused() -> None:
    require_version(17)
    with pytest.raises(PermanentError, match="PostgreSQL 15 is too old"):
        require_version(15)


async def test_a_pool_opens_while_the_database_is_away_and_readiness_says_so() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = Postgres(url=SecretStr(f"postgresql://nobody@127.0.0.1:{closed.getsockname()[1]}/none"))
        async with pool(away, application_name="test") as opened:
            assert await unreachable(opened) == "database: ConnectionRefusedError"
