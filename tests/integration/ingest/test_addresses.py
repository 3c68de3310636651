"""Events that name their prospect by an e-mail address: found, or created with the interaction in one transaction."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from tests.integration.ingest.conftest import POOR_KEY, Door, event, opened
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess

ADA = {"prospectid": None, "data": {"email": "Ada@Example.com"}}


@asynccontextmanager
async def relaying(stack_env: Mapping[str, str], folder: Path) -> AsyncIterator[None]:
    async with ServiceProcess("services.relay", env=stack_env, folder=folder):
        yield


async def drained(database: asyncpg.Connection) -> None:
    await eventually(lambda: database.fetchval("SELECT count(*) = 0 FROM outbox"), 20.0)


async def waiting(database: asyncpg.Connection) -> list[tuple[str, str]]:
    rows = await database.fetch("SELECT type, payload->>'id' AS id FROM outbox ORDER BY seq")
    return [(row["type"], row["id"]) for row in rows]


async def test_an_unknown_address_becomes_a_prospect_and_its_snapshot_precedes_its_interactions(
    door: Door, database: asyncpg.Connection, stack_env: Mapping[str, str], tmp_path: Path
) -> None:
    first, second = event(**ADA), event(prospectid=None, data={"email": " ada@example.COM "})
    answer = await door.post([first, second])
    assert answer.status == 202
    prospect = await database.fetchrow("SELECT id, email, version FROM prospects")
    assert prospect is not None
    assert (prospect["email"], prospect["version"]) == ("Ada@Example.com", 1)
    assert [kind for kind, _ in await waiting(database)] == ["snapshot", "interaction", "interaction"]
    third = event(prospectid=None, data={"email": "ADA@example.com"})
    fourth = event(prospectid=None, data={"email": "ada@example.com"})
    assert (await door.post(third)).status == 202
    assert len(await waiting(database)) == 4
    async with relaying(stack_env, tmp_path):
        await drained(database)
        assert (await door.post(fourth)).status == 202
    assert await waiting(database) == []
    logged = await door.logged()
    assert {key for key, _ in logged} == {str(prospect["id"])}
    snapshot, *interactions = [document for _, document in logged]
    assert snapshot["data"]["change"] == {"by": "ingest:shop", "depth": 0, "before": None, "causedby": None}
    assert [each["id"] for each in interactions] == [each["id"] for each in (first, second, third, fourth)]
    assert {each["prospectid"] for each in interactions} == {str(prospect["id"])}
    assert snapshot["recordedtime"] == interactions[0]["recordedtime"] <= interactions[2]["recordedtime"]


async def test_a_key_that_may_not_create_is_refused_and_nothing_is_kept(
    door: Door, database: asyncpg.Connection
) -> None:
    poor = {"Authorization": f"Bearer {POOR_KEY}"}
    answer = await door.post([event(), event(**ADA)], **poor)
    assert (answer.status, answer.pointers) == (422, ["/1/data/email"])
    await database.execute("INSERT INTO prospects (id, email) VALUES (gen_random_uuid(), 'ada@example.com')")
    assert (await door.post(event(**ADA), **poor)).status == 202
    assert await database.fetchval("SELECT count(*) FROM prospects") == 1
    assert await door.logged() == []


async def test_an_id_says_more_than_an_address(door: Door, database: asyncpg.Connection) -> None:
    assert (await door.post(event(data={"email": "ada@example.com"}))).status == 202
    assert await database.fetchval("SELECT count(*) FROM prospects") == 0
    assert len(await door.logged()) == 1


async def test_twenty_requests_with_new_addresses_in_any_order_make_one_prospect_each(
    door: Door, database: asyncpg.Connection
) -> None:
    def batch(turn: int) -> list[dict[str, Any]]:
        numbers = range(30) if turn % 2 else reversed(range(30))
        return [event(prospectid=None, data={"email": f"p{number}@example.com"}) for number in numbers]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(door.post(batch(turn))) for turn in range(20)]
    assert {task.result().status for task in tasks} == {202}
    assert await database.fetchval("SELECT count(*) FROM prospects") == 30
    kinds = [kind for kind, _ in await waiting(database)]
    assert (kinds.count("snapshot"), kinds.count("interaction")) == (30, 600)


@pytest.mark.parametrize(("failpoint", "kept"), [("ingest.before-commit", 0), ("ingest.after-commit", 1)])
async def test_killed_around_the_commit_prospect_and_interaction_exist_both_or_neither(
    door: Door, database: asyncpg.Connection, tmp_path: Path, failpoint: str, kept: int
) -> None:
    doomed = opened(door.settings, door.database_url, tmp_path, FA_FAIL=f"{failpoint}:1:kill")
    async with doomed as dying:
        posted = event(**ADA)
        with pytest.raises(aiohttp.ClientConnectionError):
            await dying.post(posted)
        assert await dying.process.wait() == -9
    assert len(await waiting(database)) == 2 * kept
    assert (await door.post(posted)).status == 202
    assert await database.fetchval("SELECT count(*) FROM prospects") == 1
    assert [kind for kind, _ in await waiting(database)] == ["snapshot", *["interaction"] * (1 + kept)]
