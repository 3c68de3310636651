"""`/v1/track`, `/v1/identify`, `/v1/batch`: an SDK from its registry, told another host, and what becomes of its messages."""

import asyncio
import base64
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from segment.analytics.client import Client

from tests.integration.ingest.conftest import ADMIN_KEY, KEY, POOR_KEY, PROSPECT, Door, event


def track(number: int, **changes: Any) -> dict[str, Any]:
    message = {
        "type": "track",
        "messageId": f"m-{number}",
        "event": "Link Clicked",
        "userId": "u-1",
        "properties": {"asset_id": "link"},
    }
    return {name: value for name, value in {**message, **changes}.items() if value is not None}


async def send(door: Door, kind: str, body: Any, key: str | None = KEY, **headers: str) -> tuple[int, Any]:
    basic = {} if key is None else {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with door.session.post(
        f"{door.url}/v1/{kind}", data=data, headers={"Content-Type": "application/json", **basic, **headers}
    ) as answer:
        return answer.status, orjson.loads(await answer.read())


async def waiting(database: asyncpg.Connection) -> list[dict[str, Any]]:
    rows = await database.fetch("SELECT type, payload::text AS payload FROM outbox ORDER BY seq")
    return [{"row": row["type"], **orjson.loads(row["payload"])} for row in rows]


async def identities(database: asyncpg.Connection) -> dict[tuple[str, str], UUID]:
    rows = await database.fetch("SELECT kind, value, prospect_id FROM prospect_identities")
    return {(row["kind"], row["value"]): row["prospect_id"] for row in rows}


async def test_an_unmodified_sdk_identifies_and_tracks(door: Door, database: asyncpg.Connection) -> None:
    failed: list[Exception] = []

    def drive() -> None:
        client = Client(KEY, host=door.url, sync_mode=True, on_error=lambda exc, _: failed.append(exc), max_retries=0)
        client.track(anonymous_id="browser-1", event="Link Clicked", properties={"asset_id": "link"})
        client.identify("user-1", {"email": "Ada@example.com", "firstName": "Ada"}, anonymous_id="browser-1")
        client.track("user-1", "Link Clicked", {"asset_id": "link", "plan": "gold"})
        client.track(anonymous_id="browser-1", event="Link Clicked", properties={"asset_id": "link"})
        client.page("user-1", "Docs", "Start")
        client.track("user-1", "Order Completed", {"total": 5})

    await asyncio.to_thread(drive)
    assert failed == []
    (row,) = await database.fetch("SELECT id, email, fields::text AS fields FROM prospects")
    assert (row["email"], orjson.loads(row["fields"])) == ("Ada@example.com", {"first_name": "Ada"})
    assert await identities(database) == {("external", "user-1"): row["id"], ("anonymous", "browser-1"): row["id"]}
    snapshot, first, second = await waiting(database)
    assert snapshot["data"]["change"]["by"] == "ingest:segment"
    assert {first["prospectid"], second["prospectid"]} == {str(row["id"])}
    assert first["data"]["plan"] == "gold"
    ((key, before),) = await door.logged()
    assert (key, before["type"]) == ("anon:browser-1", "redirect_link.clicked")
    metrics = await door.process.metrics()
    assert metrics['finish_ingest_segment_ignored_total{why="type"}'] == 1
    assert metrics['finish_ingest_segment_ignored_total{why="event"}'] == 1


async def test_a_batch_keeps_its_order_and_passes_over_what_is_nothing(
    door: Door, database: asyncpg.Connection
) -> None:
    batch = [
        track(1),
        {
            "type": "identify",
            "userId": "u-1",
            "traits": {"email": "ada@example.com", "firstName": "Ada", "company": "x" * 5000},
        },
        track(2),
        track(3, properties={"asset_id": "nothing"}),
        track(4, userId=None),
        track(5, event="hosted_file.downloaded"),
        {"type": "alias"},
        {},
        track(6),
    ]
    assert await send(door, "batch", {"batch": batch}) == (200, {"success": True})
    rows = await waiting(database)
    assert [(each["row"], each.get("id")) for each in rows if each["row"] == "interaction"] == [
        ("interaction", "m-1"), ("interaction", "m-2"), ("interaction", "m-6"),
    ]  # fmt: skip
    assert [each["row"] for each in rows] == ["snapshot", "interaction", "snapshot", "interaction", "interaction"]
    (row,) = await database.fetch("SELECT email, fields::text AS fields FROM prospects")
    assert (row["email"], orjson.loads(row["fields"])) == ("ada@example.com", {"first_name": "Ada"})
    assert await send(door, "batch", {"batch": batch[:1]}) == (200, {"success": True})
    assert [each.get("uid") for each in await waiting(database)].count(rows[1]["uid"]) == 2


async def test_two_people_are_never_made_one(door: Door, database: asyncpg.Connection) -> None:
    async def identify(user: str, email: str | None = None, mark: str | None = None) -> None:
        message = {"userId": user, "anonymousId": mark, "traits": {"email": email}}
        assert (await send(door, "identify", message))[0] == 200

    await identify("u-1", "ada@example.com", "mark")
    await identify("u-2", "bob@example.com", "mark")
    await identify("u-2", "ada@example.com")
    await identify("u-3", "ADA@example.com")
    await identify("u-4")
    await identify("u-4", "ada@example.com")
    rows = await database.fetch("SELECT id, email FROM prospects ORDER BY email NULLS LAST")
    ada, bob, nameless = (row["id"] for row in rows)
    assert [row["email"] for row in rows] == ["ada@example.com", "bob@example.com", None]
    assert await identities(database) == {
        ("external", "u-1"): ada,
        ("external", "u-2"): bob,
        ("external", "u-3"): ada,
        ("external", "u-4"): nameless,
        ("anonymous", "mark"): bob,
    }
    await identify("u-4", "eve@example.com")
    assert await database.fetchval("SELECT email FROM prospects WHERE id = $1", nameless) == "eve@example.com"


async def test_a_key_that_may_not_create_knows_only_who_is_known(door: Door, database: asyncpg.Connection) -> None:
    await database.execute("UPDATE api_keys SET sources = '{segment}' WHERE id = 'poor'")
    await asyncio.sleep(5.5)  # until the keys are read again
    await database.execute("INSERT INTO prospects (id, email) VALUES ($1, 'ada@example.com')", UUID(PROSPECT))
    await database.execute("DELETE FROM outbox")
    stranger = {"type": "identify", "userId": "u-9", "traits": {"email": "stranger@example.com"}}
    known = {"type": "identify", "userId": "u-1", "traits": {"email": "ada@example.com"}}
    batch = [track(1), track(2, userId=None, context={"traits": {"email": "x@example.com"}}), stranger, known, track(3)]
    assert (await send(door, "batch", {"batch": batch}, POOR_KEY))[0] == 200
    assert await identities(database) == {("external", "u-1"): UUID(PROSPECT)}
    assert [document["id"] for _, document in await door.logged()] == ["m-3"]
    assert await database.fetchval("SELECT count(*) FROM prospects") == 1


async def test_what_is_no_message_is_400_and_a_key_is_needed(door: Door, database: asyncpg.Connection) -> None:
    one = track(1)
    for body, status in (
        (b"{", 400),
        (b"[]", 400),
        ({"batch": {}}, 400),
        ({"batch": [5]}, 400),
        ({"batch": [one] * 2501}, 400),
        ({"batch": [{**one, "x": "y" * 40_000}]}, 400),
        (b'{"batch": "' + b"x" * 520_000 + b'"}', 400),
    ):
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        assert (await send(door, "batch", data))[0] == status
    assert (await send(door, "track", one, None))[0] == 401
    assert (await send(door, "track", one, "fak_" + "x" * 43))[0] == 401
    assert (await send(door, "track", one, ADMIN_KEY))[0] == 403
    assert (await send(door, "track", one, POOR_KEY))[0] == 403
    assert (await send(door, "track", one, None, Authorization="Basic \u00e4"))[0] == 401
    assert (await send(door, "track", {**one, "writeKey": KEY}, None))[0] == 200
    assert (await send(door, "track", track(2), None, Authorization=f"Bearer {KEY}"))[0] == 200
    assert (await send(door, "nonsense", one))[0] == 404
    assert len([each for each in await waiting(database) if each["row"] == "interaction"]) == 2


async def test_events_may_name_an_external_id_too(door: Door, database: asyncpg.Connection) -> None:
    first, second = event(prospectid=None, externalid="crm-7"), event(prospectid=None, externalid="crm-7")
    assert (await door.post(first)).status == 202
    (row,) = await database.fetch("SELECT id, email FROM prospects")
    assert row["email"] is None
    assert await identities(database) == {("external", "crm-7"): row["id"]}
    assert (await door.post(second)).status == 202
    snapshot, *interactions = await waiting(database)
    assert [each["id"] for each in interactions] == [first["id"], second["id"]]
    poor = {"Authorization": f"Bearer {POOR_KEY}"}
    refused = await door.post(event(prospectid=None, externalid="crm-8"), **poor)
    assert (refused.status, refused.pointers) == (422, ["/externalid"])
    assert snapshot["row"] == "snapshot"


@pytest.mark.parametrize("kind", ["track", "identify"])
async def test_what_is_known_by_its_mark_alone_is_nobodys_until_it_is_identified(
    kind: str, door: Door, database: asyncpg.Connection
) -> None:
    message = track(1, userId=None, anonymousId="b-1") if kind == "track" else {"anonymousId": "b-1", "traits": {}}
    assert (await send(door, kind, message))[0] == 200
    assert await database.fetchval("SELECT count(*) FROM prospects") == 0
    assert [key for key, _ in await door.logged()] == (["anon:b-1"] if kind == "track" else [])
