"""One relay publishes: a standby takes over from one that died, lost its connection or hangs, and nothing is lost."""

import asyncio

import asyncpg

from services.chassis.settings import Kafka
from tests.integration.relay.conftest import StartRelay, create, drained, published, versions
from tests.support.eventually import eventually

END_LOCK = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE application_name = 'finish-relay-lock' AND datname = current_database()"
    " AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)"
)


async def test_a_standby_takes_over_when_the_leader_dies(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    async with relay() as leader:
        await eventually(lambda: "leadership_taken" in leader.log)
        async with relay() as standby:
            (before,) = await create(database)
            await drained(database)
            assert "leadership_taken" not in standby.log
            await leader.kill()
            (after,) = await create(database)
            await drained(database, 5.0)
            assert "leadership_taken" in standby.log
    records = await published(kafka_settings)
    assert (versions(records, before), versions(records, after)) == ([1], [1])


async def test_a_leader_whose_connection_ends_leads_again_and_loses_nothing(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    async with relay() as process:
        await eventually(lambda: "leadership_taken" in process.log)
        assert await database.fetchval(END_LOCK) == 1
        (prospect,) = await create(database)
        await drained(database)
        await eventually(lambda: process.log.count("leadership_taken") == 2)
    assert set(versions(await published(kafka_settings), prospect)) == {1}


async def test_a_leader_that_hangs_is_replaced_and_sends_nothing_when_it_wakes_up(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    lease = {
        "FA_RELAY__LEASE__IDLE_MAX_S": "1.5",
        "FA_RELAY__LEASE__VALID_S": "1",
        "FA_RELAY__LEASE__HEARTBEAT_S": "0.2",
    }
    async with relay(**lease) as leader:
        await eventually(lambda: "leadership_taken" in leader.log)
        async with relay(**lease) as standby:
            leader.suspend()
            (prospect,) = await create(database)
            await drained(database, 10.0)
            assert "leadership_taken" in standby.log
            leader.resume()
            await eventually(lambda: "leadership_lost" in leader.log)
            await database.execute("UPDATE prospects SET score = 1")
            await drained(database)
            assert (await leader.metrics())["finish_relay_active"] == 0
    assert versions(await published(kafka_settings), prospect) == [1, 2]


async def test_leaders_that_keep_losing_the_lock_under_load_keep_each_prospects_order(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection, database_url: str
) -> None:
    prospects = await create(database, 30)
    writer = await asyncpg.connect(database_url, timeout=10)

    async def write() -> None:
        for score in range(1, 41):
            await writer.execute("UPDATE prospects SET score = $1", score)

    async with relay() as one, relay() as two:
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(write())
            while not writing.done():
                await database.fetchval(END_LOCK)
                await asyncio.wait([writing], timeout=0.3)
        await drained(database, 30.0)
        assert one.running
        assert two.running
    await writer.close(timeout=10)
    records = await published(kafka_settings)
    for prospect in prospects:
        found = versions(records, prospect)
        assert list(dict.fromkeys(found)) == list(range(1, 42))
