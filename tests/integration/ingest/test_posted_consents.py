"""Posted events that say less consent: the record follows at once, in one transaction with the interaction."""

from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from services.chassis.settings import Kafka
from tests.integration.ingest.conftest import PROSPECT, Door, asset, event, opened
from tests.integration.ingest.test_mails import consent, outbox

OTHER = "22222222-2222-4333-8444-555555555555"


def told(kind: str, **changes: Any) -> dict[str, Any]:
    return event(type=f"list_email.{kind}", subject="mail", **changes)


@pytest.fixture(autouse=True)
async def records(database: asyncpg.Connection, door: Door) -> None:
    """Make two prospects on a list, and the mail."""
    await door.define(asset("mail", "list_email"))
    await database.execute("INSERT INTO lists (id, name) VALUES ('news', 'News') ON CONFLICT DO NOTHING")
    for prospect_id, address in ((PROSPECT, "ann@example.org"), (OTHER, "ben@example.org")):
        await database.execute(
            'INSERT INTO prospects (id, email, lists) VALUES ($1, $2, \'{"news": "subscribed"}\')',
            UUID(prospect_id),
            address,
        )
    await database.execute("DELETE FROM outbox")


@pytest.mark.parametrize(
    ("kind", "data", "then"),
    [
        ("unsubscribed", {}, ("unsubscribed", "subscribed")),
        ("unsubscribed", {"list": "news"}, ("none", "unsubscribed")),
        ("unsubscribed", {"list": "theirs"}, ("unsubscribed", "subscribed")),
        ("unsubscribed", {"list": 7}, ("unsubscribed", "subscribed")),
        ("bounced", {"bounce": "hard"}, ("bounced", "subscribed")),
        ("complained", {"list": "news"}, ("complained", "subscribed")),
    ],
)
@pytest.mark.parametrize("named", [{}, {"prospectid": None, "data": {"email": " Ann@Example.org"}}])
async def test_it_is_in_force_when_it_is_answered_and_the_interaction_is_behind_the_snapshot(
    door: Door,
    database: asyncpg.Connection,
    kind: str,
    data: dict[str, Any],
    then: tuple[str, str],
    named: dict[str, Any],
) -> None:
    answer = await door.post(told(kind, **{**named, "data": {**named.get("data", {}), **data}}))
    assert answer.status == 202
    assert await consent(database) == then
    snapshot, interaction = await outbox(database)
    assert (snapshot["row"], snapshot["data"]["writer"], snapshot["data"]["values"]["consent"]) == (
        "snapshot",
        "ingest:shop",
        then[0],
    )
    assert (interaction["uid"], interaction["prospectid"]) == (answer.body["accepted"][0]["uid"], PROSPECT)
    assert interaction["uid"] not in {document["uid"] for _, document in await door.logged()}


@pytest.mark.parametrize("data", [{}, {"bounce": "soft"}])
async def test_a_bounce_that_is_not_said_to_be_hard_changes_nothing(
    door: Door, database: asyncpg.Connection, data: dict[str, Any]
) -> None:
    answer = await door.post(told("bounced", data=data))
    assert answer.status == 202
    assert (await consent(database), await outbox(database)) == (("none", "subscribed"), [])
    assert answer.body["accepted"][0]["uid"] in {document["uid"] for _, document in await door.logged()}


async def test_what_says_less_than_is_known_leaves_the_interaction_alone(
    door: Door, database: asyncpg.Connection
) -> None:
    for kind in ("complained", "unsubscribed", "complained"):
        assert (await door.post(told(kind))).status == 202
    assert [each["row"] for each in await outbox(database)] == ["snapshot"] + ["interaction"] * 3
    assert (await consent(database))[0] == "complained"


async def test_in_a_batch_all_of_that_prospect_stay_in_order_and_others_go_straight_to_the_log(
    door: Door, database: asyncpg.Connection
) -> None:
    items = [
        told("clicked"),
        told("unsubscribed"),
        told("clicked", prospectid=OTHER),
        told("unsubscribed", prospectid=None, anonymousid="nobody"),
        told("unsubscribed", prospectid="33333333-2222-4333-8444-555555555555"),
        told("opened"),
    ]
    answer = await door.post(items)
    assert answer.status == 202
    uids = [each["uid"] for each in answer.body["accepted"]]
    queued = [each["uid"] for each in await outbox(database) if each["row"] == "interaction"]
    assert queued == [uids[index] for index in (0, 1, 4, 5)]
    assert {document["uid"] for _, document in await door.logged()} >= {uids[2], uids[3]}
    assert await database.fetchval("SELECT count(*) FROM prospects WHERE consent = 'unsubscribed'") == 1


async def test_who_is_made_by_it_is_out_from_the_start(door: Door, database: asyncpg.Connection) -> None:
    answer = await door.post(told("unsubscribed", prospectid=None, data={"email": "new@example.org"}))
    assert answer.status == 202
    assert await database.fetchval("SELECT consent FROM prospects WHERE email = 'new@example.org'") == "unsubscribed"
    assert [each["row"] for each in await outbox(database)] == ["snapshot", "snapshot", "interaction"]


@pytest.mark.parametrize(
    ("failpoint", "kept"), [("ingest.after-consent", 0), ("ingest.before-commit", 0), ("ingest.after-commit", 1)]
)
async def test_killed_at_any_step_both_are_there_or_neither_and_told_again_once(
    kafka_settings: Kafka, database_url: str, database: asyncpg.Connection, tmp_path: Path, failpoint: str, kept: int
) -> None:
    one = told("unsubscribed")
    async with opened(kafka_settings, database_url, tmp_path, FA_FAIL=f"{failpoint}:1:kill") as dying:
        with pytest.raises(aiohttp.ClientError):
            await dying.post(one)
    assert [each["row"] for each in await outbox(database)] == ["snapshot", "interaction"] * kept
    assert (await consent(database))[0] == ("unsubscribed" if kept else "none")

    async with opened(kafka_settings, database_url, tmp_path) as door:
        assert (await door.post(one)).status == 202
    rows = await outbox(database)
    assert [each["row"] for each in rows].count("snapshot") == 1
    assert len({each["uid"] for each in rows if each["row"] == "interaction"}) == 1
