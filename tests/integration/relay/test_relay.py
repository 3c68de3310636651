"""The outbox into the log, with the relay killed at each step: nothing is lost, and the order per prospect holds."""

import asyncio
from itertools import pairwise
from uuid import uuid4

import asyncpg
import pytest

from schemas import topics
from schemas.snapshots import Snapshot
from services.chassis.settings import Kafka
from tests.integration.relay.conftest import StartRelay, create, drained, published, versions
from tests.support.eventually import eventually


async def test_a_row_written_by_anybody_reaches_the_log_as_a_snapshot(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    (prospect,) = await create(database)
    await database.execute("UPDATE prospects SET score = 5, tags = '{hot}' WHERE id = $1", prospect)
    async with relay():
        await drained(database)
    created, updated = await published(kafka_settings)
    assert Snapshot.model_validate(created).data.change is not None
    snapshot = Snapshot.model_validate(updated)
    assert snapshot.data.change is not None
    assert snapshot.data.change.before is not None
    assert (snapshot.data.version, snapshot.data.values.score, snapshot.data.change.before.score) == (2, 5, 0)


async def test_writes_by_executors_and_imports_carry_no_change(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    for writer in ("executor", "import"):
        async with database.transaction():
            await database.execute(f"SET LOCAL finish.writer = '{writer}'")
            await create(database, 3)
    async with relay():
        await drained(database)
    assert [record["data"]["change"] for record in await published(kafka_settings)] == [None] * 6


async def test_a_burst_of_an_executors_writes_is_sent_as_its_newest_snapshot(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    (prospect,) = await create(database)
    for score in range(1, 51):
        async with database.transaction():
            await database.execute("SET LOCAL finish.writer = 'executor'")
            await database.execute("UPDATE prospects SET score = $1::int, applied_score = $1::int", score)
    async with relay() as process:
        await drained(database)
        metrics = await process.metrics()
    assert versions(records := await published(kafka_settings), prospect) == [1, 51]
    assert records[1]["data"]["marks"]["score"] == 50
    assert metrics["finish_relay_superseded_total"] == 49


@pytest.mark.parametrize("failpoint", ["relay.before-publish", "relay.after-ack", "relay.after-delete"])
async def test_killed_at_any_step_nothing_is_lost_and_each_prospects_order_holds(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection, failpoint: str
) -> None:
    prospects = await create(database, 20)
    for score in range(1, 6):
        await database.execute("UPDATE prospects SET score = $1", score)
    async with relay(FA_FAIL=f"{failpoint}:2:kill", FA_RELAY__BATCH_MAX_ROWS="50") as doomed:
        assert await doomed.wait() == -9
    async with relay(FA_RELAY__BATCH_MAX_ROWS="50"):
        await drained(database)
    records = await published(kafka_settings)
    repeated = 0
    for prospect in prospects:
        found = versions(records, prospect)
        assert list(dict.fromkeys(found)) == [1, 2, 3, 4, 5, 6]
        rewinds = [new for old, new in pairwise(found) if new != old + 1]
        assert len(rewinds) <= 1
        repeated += len(found) - 6
    assert repeated == (50 if failpoint == "relay.after-ack" else 0)


async def test_rows_that_overtake_each_other_in_commit_order_are_all_published(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection, database_url: str
) -> None:
    slow = await asyncpg.connect(database_url, timeout=10)
    late = uuid4()
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute("INSERT INTO prospects (id) VALUES ($1)", late)  # draws its number first, commits last
    async with relay():
        (early,) = await create(database)
        await drained(database)
        await transaction.commit()
        await drained(database)
    records = await published(kafka_settings)
    await slow.close(timeout=10)
    assert (versions(records, early), versions(records, late)) == ([1], [1])


async def test_definitions_are_published_in_the_order_of_their_saves_and_waiters_are_told(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    told = asyncio.Event()
    await database.add_listener("finish_published", lambda *_: told.set())
    async with relay():
        await database.execute(
            "INSERT INTO outbox (aggregatetype, aggregateid, type, payload) SELECT 'definitions', 'list:x:' || n,"
            " 'action_list', jsonb_build_object('n', n) FROM generate_series(1, 3) n"
        )
        async with asyncio.timeout(5):
            await told.wait()
        assert await database.fetchval("SELECT count(*) FROM outbox") == 0
    assert [record["n"] for record in await published(kafka_settings, topics.DEFINITIONS)] == [1, 2, 3]


async def test_what_the_outbox_takes_is_in_the_log_long_before_the_next_poll(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    async with relay(FA_RELAY__POLL_S="60") as process:
        await eventually(lambda: "leadership_taken" in process.log)
        for _ in range(3):
            await create(database)
            await drained(database, 5.0)
    assert len(await published(kafka_settings)) == 3


async def test_the_age_of_the_oldest_row_is_measured_whoever_leads(
    relay: StartRelay, database: asyncpg.Connection
) -> None:
    await database.execute("SELECT pg_advisory_lock(hashtextextended('finish.relay', 0))")  # somebody hangs
    await create(database)
    async with relay(FA_RELAY__AGE_INTERVAL_S="0.05") as standby:

        async def aged() -> bool:
            metrics = await standby.metrics()
            return metrics["finish_outbox_age_seconds"] > 0.5 and metrics["finish_relay_active"] == 0

        await eventually(aged)
        await database.execute("SELECT pg_advisory_unlock_all()")
        await drained(database)
