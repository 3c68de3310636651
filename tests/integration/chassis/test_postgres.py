import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from signal import SIGCONT, SIGSTOP
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from pydantic import SecretStr

from deploy.local.ports import free_port
from services.chassis import postgres
from services.chassis.errors import PermanentError, RetryableError
from services.chassis.postgres import Pool, translated
from services.chassis.settings import Postgres
from tests.chaos.rig.proxy import HOST, Link
from tests.support.servers import RunningPostgres


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    impatient = Postgres(url=SecretStr(database_url), statement_timeout_s=0.3, lock_timeout_s=0.2)
    async with postgres.pool(impatient, application_name="chassis-test") as opened:
        yield opened


async def test_json_comes_and_goes_as_values(pool: Pool) -> None:
    value = {"name": "Zoë", "n": [1, 2.5, None, True]}
    assert await pool.fetchval("SELECT $1::jsonb", value) == value
    assert await pool.fetchval("SELECT $1::json", value) == value
    assert await pool.fetchval("SELECT NULL::jsonb") is None


async def test_operators_see_whose_connection_it_is(pool: Pool) -> None:
    assert await pool.fetchval("SELECT current_setting('application_name')") == "chassis-test"
    assert await pool.fetchval("SELECT current_setting('TimeZone')") == "UTC"


async def test_a_statement_that_takes_too_long_may_be_tried_again(pool: Pool) -> None:
    with pytest.raises(RetryableError, match="57014"), translated():
        await pool.execute("SELECT pg_sleep(5)")


async def test_a_lock_that_is_not_had_in_time_may_be_tried_again(pool: Pool) -> None:
    await pool.execute("CREATE TABLE held (id int PRIMARY KEY)")
    await pool.execute("INSERT INTO held VALUES (1)")
    async with pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT * FROM held FOR UPDATE")
        with pytest.raises(RetryableError, match="55P03"), translated():
            await pool.execute("SELECT * FROM held FOR UPDATE")


async def test_a_value_that_breaks_a_constraint_never_works_and_is_not_quoted(pool: Pool) -> None:
    await pool.execute("CREATE TABLE people (email text CONSTRAINT one_each UNIQUE)")
    await pool.execute("INSERT INTO people VALUES ('ann@example.com')")
    with pytest.raises(PermanentError) as raised, translated():
        await pool.execute("INSERT INTO people VALUES ('ann@example.com')")
    assert raised.value.reason == "UniqueViolationError 23505 one_each"


async def test_a_connection_that_the_server_ends_is_a_reason_to_try_again_and_its_place_in_the_pool_is_free_again(
    database_url: str,
) -> None:
    two = Postgres(url=SecretStr(database_url), pool_max=2)
    async with asyncio.timeout(30), postgres.pool(two, application_name="test") as pool:
        for _ in range(40):  # in about every tenth the driver meets the end in the middle of its own bookkeeping
            with pytest.raises(RetryableError), translated():
                async with pool.acquire() as connection:
                    mine = await connection.fetchval("SELECT pg_backend_pid()")
                    await pool.execute("SELECT pg_terminate_backend($1)", mine)
                    await connection.fetchval("SELECT 1")
        assert pool.get_size() - pool.get_idle_size() == 0
        async with pool.acquire() as one, pool.acquire() as other:
            assert await one.fetchval("SELECT 1") == await other.fetchval("SELECT 1")


async def test_a_transaction_that_idles_is_ended(database_url: str) -> None:
    lazy = Postgres(url=SecretStr(database_url), idle_in_transaction_timeout_s=0.1)
    async with postgres.pool(lazy, application_name="test") as opened:
        connection = await opened.acquire()
        ended = asyncio.Event()
        connection.add_termination_listener(lambda *_: ended.set())
        await connection.execute("BEGIN")
        async with asyncio.timeout(5):
            await ended.wait()
        with pytest.raises(RetryableError), translated():
            await connection.execute("SELECT 1")
        await opened.release(connection)


async def test_a_transaction_that_takes_too_long_is_ended_though_it_does_not_idle(database_url: str) -> None:
    settings = Postgres(url=SecretStr(database_url), transaction_timeout_s=0.5)
    async with postgres.pool(settings, application_name="test") as opened, asyncio.timeout(10):
        connection = await opened.acquire()
        with pytest.raises(RetryableError), translated():
            async with connection.transaction():
                while True:
                    await connection.execute("SELECT pg_sleep(0.01)")
        await opened.release(connection)
        assert await opened.fetchval("SELECT 1") == 1


async def test_readiness_asks_the_database(pool: Pool) -> None:
    assert await postgres.unreachable(pool) is None
    assert isinstance(await pool.fetchrow("SELECT 1"), asyncpg.Record)


async def test_a_task_that_is_cancelled_in_a_query_ends_though_the_server_does_not_answer(
    own_postgres: RunningPostgres,
) -> None:
    settings = Postgres(url=SecretStr(own_postgres.url_of("postgres")), pool_max=1)
    async with postgres.pool(settings, application_name="test") as opened:
        await opened.fetchval("SELECT 1")
        asking = asyncio.create_task(opened.fetchval("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.5)
        own_postgres.child.send(SIGSTOP)
        try:
            asking.cancel()
            await asyncio.wait({asking}, timeout=20.0)
            assert asking.done()
        finally:
            own_postgres.child.send(SIGCONT)
        assert await opened.fetchval("SELECT 2", timeout=20.0) == 2


@asynccontextmanager
async def behind_a_link(database_url: str) -> AsyncIterator[tuple[Link, Pool]]:
    """Yield a pool whose server can go silent."""
    parts = urlsplit(database_url)
    link = Link("database", free_port(), int(parts.port or 0), Random(1))
    await link.open()
    url = urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{HOST}:{link.port}"))
    patient = Postgres(url=SecretStr(url), statement_timeout_s=0.5, connect_timeout_s=60)
    try:
        async with postgres.pool(patient, application_name="chassis-test") as opened:
            yield link, opened
    finally:
        await link.close()


@pytest.mark.parametrize("cut_short_by", [asyncio.CancelledError, RetryableError])
async def test_a_transaction_whose_connection_is_lost_while_a_query_is_cut_short_ends_with_the_reason(
    database_url: str, cut_short_by: type[BaseException]
) -> None:
    begun = asyncio.Event()

    async def work(link: Link, pool: Pool) -> None:
        with translated():
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT 1")
                link.silence()
                begun.set()
                await connection.execute("SELECT 2")

    async with behind_a_link(database_url) as (link, opened):
        working = asyncio.ensure_future(work(link, opened))
        await begun.wait()
        await asyncio.sleep(0.1)
        if cut_short_by is asyncio.CancelledError:
            working.cancel()
        else:  # its time-out is over
            await asyncio.sleep(3.0)
        await asyncio.sleep(0.1)
        link.cut()
        ended, _ = await asyncio.wait([working], timeout=15.0)
        assert ended, "it waits for ever"
        with pytest.raises(cut_short_by):
            await working
        link.heal()
        assert await opened.fetchval("SELECT 3") == 3


async def test_a_task_that_is_cancelled_while_its_server_is_silent_ends_as_cancelled(database_url: str) -> None:
    async def ask(pool: Pool) -> None:
        with translated():
            await pool.execute("SELECT 1")

    async with behind_a_link(database_url) as (link, opened):
        await ask(opened)
        link.silence()
        asking = asyncio.ensure_future(ask(opened))
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.wait([asking], timeout=15.0)
        assert asking.cancelled(), f"it ended otherwise: {asking}"
        link.heal()
        await ask(opened)
