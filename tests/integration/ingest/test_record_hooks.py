"""`/v1/hooks/{hook_id}`: a CRM tells of its records in its own words, and they are the prospects'."""

import base64
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import orjson
import pytest

from tests.integration.ingest.conftest import ADMIN_KEY, POOR_KEY, Answer, Door, opened
from tests.integration.ingest.test_segment import identities, waiting

ADA = {"Id": "003-1", "Email": "ada@example.com", "HasOptedOutOfEmail": False, "Account": {"Industry": "Retail"}}


@pytest.fixture
async def hook(door: Door, database: asyncpg.Connection) -> Door:
    """Yield ingest with two hooks: one for a record as such, one for an array of them within what is sent."""
    await database.execute("""
        INSERT INTO record_hooks (id, name, records, external_id, email, opted_out, mapping, updated_at) VALUES
        ('sales', 'CRM', '', '/Id', '/Email', '/HasOptedOutOfEmail',
         '{"industry": "/Account/Industry", "budget": "/Budget", "topics": "/Topics"}', now()),
        ('nested', 'CRM', '/data/contacts', '/id', NULL, NULL, '{"title": "/title"}', now());
        INSERT INTO fields (name, type, label, options, personal) VALUES
        ('budget', 'number', 'Budget', '[]', false), ('topics', 'multi', 'Topics', '["A", "B"]', false);
    """)
    return door


async def send(door: Door, hook_id: str, body: Any, **headers: str) -> Answer:
    """Post what a CRM sends. A header with an empty value is left out."""
    wanted = {"Content-Type": "application/json", **door.headers, **headers}
    async with door.session.post(
        f"{door.url}/v1/hooks/{hook_id}",
        data=body if isinstance(body, bytes) else orjson.dumps(body),
        headers={name: value for name, value in wanted.items() if value},
    ) as answer:
        return Answer(answer.status, orjson.loads(await answer.read()), answer.headers)


def outcomes(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [each["outcome"] for each in answer.body["records"]]


async def test_a_record_makes_a_prospect_changes_it_once_and_empties_a_field(
    hook: Door, database: asyncpg.Connection
) -> None:
    told = {**ADA, "Budget": "1200.5", "Topics": ["a", "B"]}
    first = await send(hook, "sales", told)
    assert outcomes(first) == ["created"]
    assert outcomes(await send(hook, "sales", told)) == ["unchanged"]
    assert outcomes(await send(hook, "sales", {**told, "Account": {"Industry": None}, "Budget": 7})) == ["changed"]
    assert outcomes(await send(hook, "sales", {"Id": "003-1"})) == ["unchanged"]
    (row,) = await database.fetch("SELECT id, email, consent, fields::text AS fields FROM prospects")
    assert (row["email"], row["consent"]) == ("ada@example.com", "none")
    assert orjson.loads(row["fields"]) == {"budget": 7, "topics": ["A", "B"]}
    assert first.body["records"][0]["prospect_id"] == str(row["id"])
    assert await identities(database) == {("external", "003-1"): row["id"]}
    changes = [each["data"]["change"] for each in await waiting(database)]
    assert [each["by"] for each in changes] == ["ingest:hooks/sales"] * 2


async def test_who_opted_out_in_the_crm_is_sent_no_more_and_never_less(
    hook: Door, database: asyncpg.Connection
) -> None:
    assert outcomes(await send(hook, "sales", ADA)) == ["created"]
    assert outcomes(await send(hook, "sales", {**ADA, "HasOptedOutOfEmail": "true"})) == ["changed"]
    assert outcomes(await send(hook, "sales", {**ADA, "HasOptedOutOfEmail": True})) == ["unchanged"]
    assert outcomes(await send(hook, "sales", ADA)) == ["unchanged"]
    assert await database.fetchval("SELECT consent FROM prospects") == "unsubscribed"


async def test_each_of_many_is_judged_by_itself(hook: Door, database: asyncpg.Connection) -> None:
    records = [
        {"id": 41, "title": "Dr"},
        {"title": "nobody's"},
        "no record",
        {"id": "42", "title": {"no": "text"}},
        {"id": "43", "title": "x" * 5000},
        {"id": "41", "title": "Prof"},
    ]
    answer = await send(hook, "nested", {"data": {"contacts": records}})
    assert outcomes(answer) == ["created", "ignored", "ignored", "created", "created", "changed"]
    assert [[error["pointer"] for error in each.get("errors", ())] for each in answer.body["records"]] == [
        [], [], [], [], ["/title"], [],
    ]  # fmt: skip
    assert {value for _, value in await identities(database)} == {"41", "42", "43"}
    metrics = await hook.process.metrics()
    assert metrics['finish_ingest_hook_records_total{outcome="ignored"}'] == 2


async def test_an_address_that_is_anothers_stays_that_ones(hook: Door, database: asyncpg.Connection) -> None:
    await send(hook, "sales", ADA)
    assert outcomes(await send(hook, "sales", {"Id": "003-2", "Email": "bob@example.com"})) == ["created"]
    assert outcomes(await send(hook, "sales", {"Id": "003-2", "Email": "ada@example.com"})) == ["unchanged"]
    rows = await database.fetch("SELECT email FROM prospects ORDER BY email")
    assert [row["email"] for row in rows] == ["ada@example.com", "bob@example.com"]


@pytest.mark.parametrize(
    ("hook_id", "body", "headers", "status"),
    [
        ("none", ADA, {}, 404),
        ("sales", b"{", {}, 400),
        ("sales", [], {}, 422),
        ("sales", [ADA] * 101, {}, 422),
        ("nested", {"data": 1}, {}, 422),
        ("sales", ADA, {"Authorization": ""}, 401),
        ("sales", ADA, {"Authorization": f"Bearer {ADMIN_KEY}"}, 403),
        ("sales", ADA, {"Content-Type": "text/xml"}, 415),
    ],
)
async def test_what_is_wrong_is_answered_and_changes_nothing(
    hook_id: str, body: Any, headers: dict[str, str], status: int, hook: Door, database: asyncpg.Connection
) -> None:
    assert (await send(hook, hook_id, body, **headers)).status == status
    assert await database.fetchval("SELECT count(*) FROM prospects") == 0


async def test_a_key_that_makes_nobody_changes_who_is_known(hook: Door, database: asyncpg.Connection) -> None:
    poor = {"Authorization": f"Bearer {POOR_KEY}"}
    await database.execute("UPDATE api_keys SET sources = '{hooks/sales}' WHERE NOT may_create")
    assert outcomes(await send(hook, "sales", ADA, **poor)) == ["ignored"]
    assert (await send(hook, "nested", {}, **poor)).status == 403
    await send(hook, "sales", ADA)
    told = {**ADA, "Account": {"Industry": "Construction"}}
    basic = {"Authorization": "Basic " + base64.b64encode(f"{POOR_KEY}:".encode()).decode()}
    assert outcomes(await send(hook, "sales", told, **basic)) == ["changed"]


@pytest.mark.parametrize("point", ["after-identified", "before-commit", "after-commit"])
async def test_killed_around_the_commit_what_is_sent_again_is_there_once(
    point: str, hook: Door, database: asyncpg.Connection, tmp_path: Path
) -> None:
    async with opened(hook.settings, hook.database_url, tmp_path, FA_FAIL=f"ingest.{point}:1:kill") as dying:
        with pytest.raises(aiohttp.ClientError):
            await send(dying, "sales", {**ADA, "HasOptedOutOfEmail": True})
        assert await dying.process.wait() == -9
    committed = point == "after-commit"
    assert await database.fetchval("SELECT count(*) FROM prospects") == committed
    again = await send(hook, "sales", {**ADA, "HasOptedOutOfEmail": True})
    assert outcomes(again) == ["unchanged" if committed else "created"]
    rows = await database.fetch("SELECT email, consent, fields ->> 'industry' AS industry FROM prospects")
    assert [tuple(row) for row in rows] == [("ada@example.com", "unsubscribed", "Retail")]
    assert set(await identities(database)) == {("external", "003-1")}
