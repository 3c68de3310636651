"""Backfill of a database that is older than its log, and retention."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from schemas.snapshots import Snapshot
from services.chassis import postgres
from services.chassis.clock import SystemClock
from services.chassis.postgres import Pool
from services.chassis.settings import Postgres
from services.relay.backfill import backfill
from services.relay.retention import retire
from services.relay.settings import Retention

NOW = datetime.now(UTC)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with postgres.pool(Postgres(url=SecretStr(database_url)), application_name="test") as opened:
        yield opened


async def test_a_backfill_enqueues_every_record_once_as_a_newer_version_without_a_change(
    pool: Pool, database: asyncpg.Connection
) -> None:
    await database.execute("INSERT INTO prospects (id) SELECT gen_random_uuid() FROM generate_series(1, 10000)")
    await database.execute("DELETE FROM outbox")
    assert await backfill(pool, SystemClock(), chunk_rows=700) == 10_000
    (found,) = await database.fetch(
        "SELECT count(*) AS rows, count(DISTINCT aggregateid) AS prospects,"
        " count(*) FILTER (WHERE payload->'data'->'change' = 'null' AND payload->'data'->>'writer' = 'backfill'"
        " AND payload->'data'->'version' = '2') AS silent FROM outbox"
    )
    assert tuple(found) == (10_000, 10_000, 10_000)


async def test_a_backfill_tells_a_new_log_who_was_erased(pool: Pool, database: asyncpg.Connection) -> None:
    await database.execute(
        "INSERT INTO erasures (prospect_id, version, erased_at, erased_by, removed)"
        " SELECT gen_random_uuid(), 5, now(), 'key', '{}' FROM generate_series(1, 5)"
    )
    assert await backfill(pool, SystemClock(), chunk_rows=2) == 5
    rows = await database.fetch("SELECT aggregateid, payload FROM outbox WHERE aggregatetype = 'interactions'")
    snapshots = {row["aggregateid"]: Snapshot.model_validate_json(row["payload"]) for row in rows}
    assert len(snapshots) == 5
    assert all(snapshot.data.erased and key == snapshot.subject for key, snapshot in snapshots.items())


async def _settled(database: asyncpg.Connection, state: str, days_ago: int) -> UUID:
    uid = uuid4()
    await database.execute(
        "INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, recordedtime,"
        " settled_at) VALUES (gen_random_uuid(), $1, gen_random_uuid(), 'a', 'tags', 'add_tags', $2, now(), $3)",
        uid,
        state,
        NOW - timedelta(days=days_ago),
    )
    return uid


async def _dead_letter(database: asyncpg.Connection, uid: UUID, days_ago: int) -> None:
    await database.execute(
        'INSERT INTO dead_letters (id, reason, error, topic, partition, "offset", uid, first_time, last_time)'
        " VALUES (gen_random_uuid(), 'permanent', '', 't', 0, 0, $1, $2, $2)",
        uid,
        NOW - timedelta(days=days_ago),
    )


async def test_the_ledger_forgets_what_is_settled_for_long_but_nothing_that_a_replay_needs(
    pool: Pool, database: asyncpg.Connection
) -> None:
    for _ in range(5):
        await _settled(database, "done", 31)
    forgotten_dead = await _settled(database, "dead", 31)
    kept = {
        await _settled(database, "done", 29),
        await _settled(database, "waiting", 300),
        await _settled(database, "held", 300),
        replayable := await _settled(database, "dead", 300),
    }
    await _dead_letter(database, replayable, 300)
    assert await retire(pool, SystemClock(), Retention(chunk_rows=2)) == {
        "ledger": 6,
        "requests": 0,
        "attempts": 0,
        "mails": 0,
        "decisions": 0,
        "ended_letters": 0,
        "form_nonces": 0,
        "held_submissions": 0,
        "spam_windows": 0,
    }
    left = {row["uid"] for row in await database.fetch("SELECT uid FROM command_ledger")}
    assert left == kept
    assert forgotten_dead not in left


async def test_requests_and_attempts_go_unless_they_may_be_needed_for_a_replay(
    pool: Pool, database: asyncpg.Connection
) -> None:
    dead, done = await _settled(database, "dead", 40), await _settled(database, "done", 40)
    await _dead_letter(database, dead, 40)
    commands = {
        uid: await database.fetchval("SELECT command_id FROM command_ledger WHERE uid = $1", uid)
        for uid in (dead, done)
    }
    for command_id in commands.values():
        await database.execute(
            "INSERT INTO delivery_requests VALUES ($1, gen_random_uuid(), 'sent', $2)",
            command_id,
            NOW - timedelta(days=31),
        )
        await database.execute(
            "INSERT INTO delivery_attempts (command_id, number, executor, destination, prospect_id, started_at)"
            " VALUES ($1, 1, 'webhook', 'shop', gen_random_uuid(), $2), ($1, 2, 'webhook', 'shop', gen_random_uuid(), $3)",
            command_id,
            NOW - timedelta(days=31),
            NOW - timedelta(days=29),
        )
    retired = await retire(pool, SystemClock(), Retention(ledger_days=365))
    assert (retired["requests"], retired["attempts"]) == (1, 2)
    assert await database.fetchval("SELECT command_id FROM delivery_requests") == commands[dead]
    assert {row["number"] for row in await database.fetch("SELECT number FROM delivery_attempts")} == {2}


async def test_dead_letters_stay_unless_a_setting_says_for_how_long(pool: Pool, database: asyncpg.Connection) -> None:
    await _dead_letter(database, uuid4(), 1000)
    await _dead_letter(database, uuid4(), 10)
    await retire(pool, SystemClock(), Retention())
    assert await database.fetchval("SELECT count(*) FROM dead_letters") == 2
    await retire(pool, SystemClock(), Retention(dead_letters_days=30))
    assert await database.fetchval("SELECT count(*) FROM dead_letters") == 1


async def test_spam_windows_go_when_no_attempt_is_inside_and_one_that_is_being_counted_stays(
    pool: Pool, database: asyncpg.Connection, database_url: str
) -> None:
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    await database.executemany(
        "INSERT INTO spam_windows (address, user_key, times_ms) VALUES ('203.0.113.7', $1, $2)",
        [
            ("old", [now_ms - 900_000, now_ms - 700_000]),
            ("counted", [now_ms - 700_000]),
            ("young", [now_ms - 900_000, now_ms - 500_000]),
        ],
    )
    other = await asyncpg.connect(database_url, timeout=10)
    try:
        async with other.transaction():
            await other.execute("UPDATE spam_windows SET times_ms = times_ms WHERE user_key = 'counted'")
            assert (await retire(pool, SystemClock(), Retention()))["spam_windows"] == 1
    finally:
        await other.close(timeout=10)
    left = await database.fetch("SELECT user_key FROM spam_windows ORDER BY user_key")
    assert [row["user_key"] for row in left] == ["counted", "young"]
