"""The snapshots that the table of prospects writes by itself, whatever statement changes it."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest

MANY = 300


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "INSERT INTO prospects (id, score) SELECT gen_random_uuid(), number FROM generate_series(1, $1::integer) number",
            MANY,
        )
        await connection.execute("DELETE FROM outbox")
        yield connection
    finally:
        await connection.close()


async def snapshots(database: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return what waits in the outbox, the oldest first, each under its prospect's key."""
    rows = await database.fetch(
        "SELECT aggregateid, type, payload FROM outbox WHERE aggregatetype = 'interactions' ORDER BY seq"
    )
    documents = [orjson.loads(row["payload"]) for row in rows]
    assert [row["aggregateid"] for row in rows] == [document["prospectid"] for document in documents]
    return documents


async def test_a_statement_over_many_records_tells_of_each_what_it_was_before(database: asyncpg.Connection) -> None:
    one = await database.fetchval("SELECT min(id::text)::uuid FROM prospects")
    await database.execute("UPDATE prospects SET score = score + 1000 WHERE id = $1", one)
    await database.execute("DELETE FROM outbox")
    await database.execute("UPDATE prospects SET score = score + 1000 WHERE score < 1000")
    written = await snapshots(database)
    assert len({document["prospectid"] for document in written}) == len(written) == MANY - 1
    for data in (document["data"] for document in written):
        assert data["values"]["score"] == data["change"]["before"]["score"] + 1000
        assert data["values"] == data["change"]["before"] | {"score": data["values"]["score"]}
        assert (data["version"], data["change"]["by"], data["change"]["causedby"]) == (2, "sql", None)


async def test_an_upsert_tells_new_records_from_changed_ones(database: asyncpg.Connection) -> None:
    await database.execute(
        """INSERT INTO prospects (id, score)
           (SELECT id, 7 FROM prospects ORDER BY score LIMIT 2) UNION ALL SELECT gen_random_uuid(), 8
           ON CONFLICT (id) DO UPDATE SET score = excluded.score"""
    )
    told = [
        (data["version"], data["values"]["score"], (data["change"]["before"] or {}).get("score"))
        for data in (document["data"] for document in await snapshots(database))
    ]
    assert sorted(told, key=str) == [(1, 8, None), (2, 7, 1), (2, 7, 2)]


async def test_the_snapshots_of_one_record_stand_in_the_order_of_its_versions(database: asyncpg.Connection) -> None:
    async with database.transaction():
        for _ in range(3):
            await database.execute("UPDATE prospects SET score = score + 1 WHERE score % 2 = 0 OR score < 10")
    versions: dict[str, list[int]] = {}
    for document in await snapshots(database):
        versions.setdefault(document["prospectid"], []).append(document["data"]["version"])
    assert versions
    assert all(found == list(range(2, len(found) + 2)) for found in versions.values())


@pytest.mark.parametrize("writer", ["executor", "backfill", "import"])
async def test_writers_that_raise_no_triggers_tell_no_change(database: asyncpg.Connection, writer: str) -> None:
    async with database.transaction():
        await database.fetch("SELECT set_config('finish.writer', $1, true)", writer)
        await database.execute("UPDATE prospects SET score = 5, applied_score = 9")
    data = [document["data"] for document in await snapshots(database)]
    assert len(data) == MANY
    assert {(each["writer"], each["change"], each["marks"]["score"]) for each in data} == {(writer, None, 9)}


async def test_a_statement_that_writes_no_record_wakes_nobody(database: asyncpg.Connection) -> None:
    await database.execute(
        "CREATE TABLE woken (); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO woken DEFAULT VALUES; RETURN NULL; END $$; "
        "CREATE TRIGGER noted AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION note()"
    )
    await database.execute("UPDATE prospects SET score = 5 WHERE score < 0")
    assert await database.fetchval("SELECT count(*) FROM woken") == 0
