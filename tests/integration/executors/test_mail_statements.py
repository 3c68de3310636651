"""What the statements of mails read and keep."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from schemas.commands.command import Command
from services.chassis import postgres
from services.chassis.postgres import Connection, Pool
from services.chassis.settings import Postgres
from services.chassis.sql_files import load_sql
from services.executors.adapters.attempts import Desk
from services.executors.adapters.ledger import FOLDER, Bounds
from tests.integration.executors.bench import command
from tests.support.eventually import eventually

EMAIL, NOTIFY = load_sql(FOLDER / "email.sql"), load_sql(FOLDER / "notify.sql")
WAITS = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with postgres.pool(Postgres(url=SecretStr(database_url)), application_name="test") as opened:
        await opened.execute("""
            INSERT INTO users (id, name, email, enabled) VALUES
                ('bob', 'Bob', 'bob@example.com', true), ('eve', 'Eve', 'eve@example.com', true),
                ('gone', 'Gone', 'gone@example.com', false), ('twin', 'Twin', 'BOB@example.com', true);
            INSERT INTO teams (id, name) VALUES ('t', 'T'), ('ghosts', 'G');
            INSERT INTO team_members VALUES ('t', 'bob'), ('t', 'eve'), ('t', 'gone'), ('t', 'twin'), ('ghosts', 'gone');
            INSERT INTO assets (id, kind, name, settings) VALUES ('welcome', 'list_email', 'W', '{"subject": "Hi", "html": "x"}');
            INSERT INTO templates (id, sender, html_ready, text_ready) VALUES ('welcome', '"owner"', '<p>x</p>', 'x')
        """)
        yield opened


async def prospect(pool: Pool, owner: str | None = "bob") -> UUID:
    id_ = uuid4()
    await pool.execute("INSERT INTO prospects (id, email, owner) VALUES ($1, $2, $3)", id_, f"{id_}@example.com", owner)
    return id_


async def details(
    pool: Pool, statements: Mapping[str, str], *asked: tuple[UUID, UUID, dict[str, Any]]
) -> list[dict[str, Any]]:
    rows = await pool.fetch(statements["situation"], *map(list, zip(*asked, strict=True)))
    found = {row["command_id"]: row["details"] for row in rows}
    return [found[command_id] for command_id, _, _ in asked]


async def test_a_mail_is_given_its_template_and_an_owner_who_is_enabled(pool: Pool) -> None:
    template = {"id": "welcome", "subject": "Hi", "html": "<p>x</p>", "text": "x", "from": "owner", "reply_to": None}
    params, none = {"template": "welcome"}, {"template": "none"}
    found = await details(
        pool,
        EMAIL,
        (uuid4(), await prospect(pool), params),
        (uuid4(), await prospect(pool, "gone"), params),
        (uuid4(), await prospect(pool, None), none),
        (uuid4(), uuid4(), none),
    )
    assert [one["template"] for one in found] == [template, template, None, None]
    assert [one["owner"] for one in found] == [{"email": "bob@example.com", "name": "Bob"}, None, None, None]
    assert [(one["recent"], one["beside"]) for one in found] == [([], 0)] * 4


async def _under_way(
    database: "Pool | Connection",
    prospect_id: UUID,
    at: datetime | None,
    executor: str = "email",
    command_id: UUID | None = None,
) -> None:
    await database.execute(
        'INSERT INTO deliveries (command_id, executor, destination, type, action, prospect_id, topic, partition, "offset",'
        " value, due_at, waits, held, begun_at) VALUES ($1, $2, 'mail', 'x', 'x', $3, 'x', 0, 0, '{}', now(), 0, 0, $4)",
        command_id or uuid4(), executor, prospect_id, at,
    )  # fmt: skip


async def test_a_mail_is_told_of_others_that_left_or_may_have_and_of_those_beside_it(pool: Pool) -> None:
    ann, own = await prospect(pool), uuid4()
    for minutes, executor, command_id in (
        (3, "email", uuid4()),
        (6, "webhook", uuid4()),
        (7, "email", own),
        (0, "email", uuid4()),
    ):
        await _under_way(pool, ann, NOW - timedelta(minutes=minutes) if minutes else None, executor, command_id)
    for minutes, executor, result, command_id in (
        (1, "email", "done", uuid4()),
        (2, "email", "uncertain", uuid4()),
        (4, "email", "retry", uuid4()),
        (5, "email", "dead", uuid4()),
        (6, "webhook", "done", uuid4()),
    ):
        at = NOW - timedelta(minutes=minutes)
        await pool.execute(
            "INSERT INTO delivery_attempts (command_id, number, executor, destination, prospect_id, started_at, result)"
            " VALUES ($1, 1, $2, 'mail', $3, $4, $5)",
            command_id, executor, ann, at, result,
        )  # fmt: skip
    marketing, transactional = {"template": "welcome"}, {"template": "welcome", "class": "transactional"}
    asked = ((own, ann, marketing), (uuid4(), ann, transactional), (uuid4(), ann, marketing), (uuid4(), ann, marketing))
    found = await details(pool, EMAIL, *asked)
    recent = [datetime.fromisoformat(at) for at in found[0]["recent"]]
    assert recent == [NOW - timedelta(minutes=minutes) for minutes in (1, 2, 3)]
    assert [one["beside"] for one in found] == [0, 1, 1, 2]


async def test_two_that_decide_on_mails_to_one_prospect_do_so_one_after_the_other(pool: Pool) -> None:
    ann, bob = await prospect(pool), await prospect(pool)
    desk = Desk(pool, "email", Bounds(5.0, 1000))

    async def decided(*prospects: UUID) -> list[int]:
        asked = [
            Command.model_validate(command(id_, "send_email", {"template": "welcome"}, 1), strict=False)
            for id_ in prospects
        ]
        async with desk.transaction(NOW) as tx:
            found = await tx.details(asked)
        return [len(found[one.id]["recent"]) for one in asked]

    async with pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute(EMAIL["alone"].replace("$1", f"'{{{ann}}}'"))
            assert await decided(bob) == [0]
            later = asyncio.create_task(decided(bob, ann))
            await eventually(lambda: pool.fetchval(WAITS))
            await _under_way(connection, ann, NOW)
        assert await later == [0, 1]


async def test_where_links_lead_is_kept_once_and_whose_mail_it_was(pool: Pool) -> None:
    one, two = uuid4(), uuid4()
    ann, bob, mails = await prospect(pool), await prospect(pool), [uuid4(), uuid4()]
    links = [{"id": str(id_), "asset_id": "welcome", "url": f"https://shop.example/{id_}"} for id_ in (two, one)]
    for some in (links, links[:1], []):
        kept = {"asset_id": "welcome", "links": some}
        await pool.fetch(EMAIL["keep"], mails, [ann, bob], [kept, kept])
    rows = await pool.fetch("SELECT id, asset_id, url FROM mail_links")
    assert {(row["id"], row["asset_id"], row["url"]) for row in rows} == {
        (id_, "welcome", f"https://shop.example/{id_}") for id_ in (one, two)
    }
    rows = await pool.fetch("SELECT id, asset_id, prospect_id FROM mails")
    assert {tuple(row) for row in rows} == {(str(mails[0]), "welcome", ann), (str(mails[1]), "welcome", bob)}


async def test_a_notice_is_told_to_each_address_once_and_to_the_fallback_where_there_is_nobody(pool: Pool) -> None:
    owned, disowned, orphan = await prospect(pool), await prospect(pool, "gone"), await prospect(pool, None)
    fallback = {"fallback": {"user": "eve"}}
    found = await details(
        pool,
        NOTIFY,
        (uuid4(), owned, {"to": "owner"}),
        (uuid4(), owned, {"to": "owner", **fallback}),
        (uuid4(), disowned, {"to": "owner", **fallback}),
        (uuid4(), orphan, {"to": "owner", "fallback": {"user": "gone"}}),
        (uuid4(), orphan, {"to": {"user": "eve"}}),
        (uuid4(), orphan, {"to": {"user": "gone"}}),
        (uuid4(), orphan, {"to": {"team": "t"}, **fallback}),
        (uuid4(), orphan, {"to": {"team": "ghosts"}, **fallback}),
    )
    assert [[user["email"].lower() for user in one["recipients"]] for one in found] == [
        ["bob@example.com"],
        ["bob@example.com"],
        ["eve@example.com"],
        [],
        ["eve@example.com"],
        [],
        ["bob@example.com", "eve@example.com"],
        ["eve@example.com"],
    ]
    assert found[4]["recipients"] == [{"email": "eve@example.com", "name": "Eve"}]
