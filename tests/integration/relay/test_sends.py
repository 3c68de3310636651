"""Sends to lists: each member gets one command, whoever dies in between, and others get none."""

import asyncpg
import pytest
from pydantic import SecretStr

from schemas.commands.command import Command
from schemas.commands.email import SendEmailParams
from schemas.topics import commands
from services.chassis import postgres
from services.chassis.clock import SystemClock
from services.chassis.settings import Kafka, Postgres
from services.executors.registry import executors
from services.executors.runtime.entries import Entry, read
from services.relay.sends import queue_next
from tests.integration.executors.bench import record
from tests.integration.relay.conftest import StartRelay, drained
from tests.integration.relay.test_replays import _records
from tests.support.eventually import eventually

SEND = "f0000000-0000-4000-8000-00000000000f"
MEMBERS = 23


async def _prepared(database: asyncpg.Connection) -> set[str]:
    """Make a list with members, with some who left it and some who never were on it; return the members."""
    await database.execute(f"""
        INSERT INTO assets (id, kind, name) VALUES ('news', 'list_email', 'N');
        INSERT INTO lists (id, name) VALUES ('customers', 'C');
        INSERT INTO prospects (id, email, lists)
        SELECT gen_random_uuid(), n || '@example.org',
               CASE n % 3 WHEN 0 THEN '{{}}' ELSE jsonb_build_object('customers', 'unsubscribed') END
        FROM generate_series(1, 40) AS n;
        INSERT INTO prospects (id, email, lists)
        SELECT gen_random_uuid(), n || '@example.com', '{{"customers": "subscribed"}}' FROM generate_series(1, {MEMBERS}) AS n;
        DELETE FROM outbox;
        INSERT INTO list_sends (id, asset_id, list, params, created_at)
        VALUES ('{SEND}', 'news', 'customers', '{{"template": "news", "list": "customers", "class": "marketing"}}', now());
    """)
    rows = await database.fetch("SELECT id FROM prospects WHERE email LIKE '%@example.com'")
    return {str(row["id"]) for row in rows}


async def test_every_member_is_queued_once_in_chunks(database_url: str, database: asyncpg.Connection) -> None:
    members = await _prepared(database)
    async with postgres.pool(Postgres(url=SecretStr(database_url)), application_name="test") as pool:
        counts = []
        while (queued := await queue_next(pool, SystemClock(), 10)) is not None:
            counts.append(queued)
    assert counts == [10, 10, 3]
    (send,) = await database.fetch("SELECT queued, queued_at FROM list_sends")
    assert send["queued"] == MEMBERS
    assert send["queued_at"] is not None
    rows = await database.fetch("SELECT aggregatetype, aggregateid, payload FROM outbox ORDER BY seq")
    assert {row["aggregatetype"] for row in rows} == {"commands.email"}
    assert [row["aggregateid"] for row in rows] == sorted(members)
    asked_of = [Command.model_validate_json(row["payload"]) for row in rows]
    for row, asked in zip(rows, asked_of, strict=True):
        assert (str(asked.uid), str(asked.prospect_id), asked.asset_id) == (SEND, row["aggregateid"], "news")
        SendEmailParams.model_validate(asked.params)
    entry = read(record(asked_of[0].model_dump(mode="json", by_alias=True)), executors()["email"], 100_000)
    assert isinstance(entry, Entry)
    assert entry.refusal is None


async def test_a_list_without_members_is_sent_at_once(database_url: str, database: asyncpg.Connection) -> None:
    await _prepared(database)
    await database.execute("DELETE FROM prospects; DELETE FROM outbox")
    async with postgres.pool(Postgres(url=SecretStr(database_url)), application_name="test") as pool:
        assert await queue_next(pool, SystemClock(), 10) == 0
        assert await queue_next(pool, SystemClock(), 10) is None
    assert await database.fetchval("SELECT queued_at IS NOT NULL FROM list_sends")


@pytest.mark.parametrize("point", ["before-sends-queued", "after-sends-queued"])
async def test_killed_around_a_chunk_every_member_still_gets_one(
    point: str, relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    members = await _prepared(database)
    few = {"FA_RELAY__SENDS__CHUNK_ROWS": "5", "FA_RELAY__SENDS__INTERVAL_S": "0.05"}
    async with relay(FA_FAIL=f"relay.{point}:2:kill", **few) as doomed:
        assert await doomed.wait() == -9

    async def queued() -> bool:
        return bool(await database.fetchval("SELECT queued_at IS NOT NULL FROM list_sends"))

    async with relay(**few):
        await eventually(queued, 20)
        await drained(database)
    sent = [
        Command.model_validate_json(each.value or b"") for each in await _records(kafka_settings, commands("email"))
    ]
    assert {str(each.prospect_id) for each in sent} == members
    assert len({each.id for each in sent}) == MEMBERS
    assert await database.fetchval("SELECT queued FROM list_sends") == MEMBERS
