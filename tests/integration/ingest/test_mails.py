"""The addresses in mails: where links lead, the picture, unsubscribing, and what each leaves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

import aiohttp
import asyncpg
import orjson
import pytest
from yarl import URL

from core.tokens import Token, TokenKind, issue, read_keys
from deploy.local.ports import free_port
from schemas import topics
from services.chassis.settings import Kafka
from tests.integration.ingest.conftest import (
    PROSPECT,
    TOKEN_KEYS,
    Door,
    Followed,
    action_list,
    asset,
    opened,
    publish,
    token,
)
from tests.integration.ingest.test_redirects import safe
from tests.support.eventually import eventually

COMMAND: Final = "5066cffe-a79b-54c4-8745-c0b9a1adbbaf"
LINK: Final = str(uuid5(UUID(COMMAND), "link"))
TARGET: Final = "https://shop.example/offer?x=1"
PIXEL: Final = b"GIF89a"


def of_mail(kind: TokenKind, *more: str, asset_id: str = "mail", keys: str = TOKEN_KEYS) -> str:
    return issue(Token(kind, asset_id, PROSPECT, (COMMAND, *more)), read_keys(keys))


async def ask(door: Door, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Followed:
    async with door.session.request(
        method, URL(door.url + path, encoded=True), headers=headers, data=body, allow_redirects=False
    ) as answer:
        return Followed(answer.status, answer.headers.get("Location"), await answer.read(), answer.headers)


@pytest.fixture
async def links(database: asyncpg.Connection, door: Door) -> None:
    for asset_id, status in (("mail", "active"), ("shelved", "archived"), ("gone-mail", "deleted")):
        await database.execute(
            "INSERT INTO assets (id, kind, name, status) VALUES ($1, 'list_email', $1, $2) ON CONFLICT DO NOTHING",
            asset_id,
            status,
        )
        await door.define(asset(asset_id, "list_email", status))
    await database.execute("INSERT INTO mail_links (id, asset_id, url) VALUES ($1, 'mail', $2)", UUID(LINK), TARGET)
    for asset_id in ("shelved", "gone-mail"):
        await database.execute(
            "INSERT INTO mail_links (id, asset_id, url) VALUES ($1, $2, $3)",
            uuid5(UUID(LINK), asset_id),
            asset_id,
            TARGET,
        )


@pytest.fixture
async def prospect(database: asyncpg.Connection) -> str:
    await database.execute(
        "INSERT INTO prospects (id, email, lists) VALUES ($1, 'ann@example.org', '{\"news\": \"subscribed\"}')",
        UUID(PROSPECT),
    )
    await database.execute("DELETE FROM outbox")
    return PROSPECT


async def outbox(database: asyncpg.Connection) -> list[dict[str, Any]]:
    rows = await database.fetch("SELECT type, payload::text AS payload FROM outbox ORDER BY seq")
    return [{"row": row["type"], **orjson.loads(row["payload"])} for row in rows]


async def consent(database: asyncpg.Connection) -> tuple[str, str]:
    row = await database.fetchrow(
        "SELECT consent, lists ->> 'news' AS news FROM prospects WHERE id = $1", UUID(PROSPECT)
    )
    assert row is not None
    return row["consent"], row["news"]


async def test_a_click_leads_where_the_link_leads_and_names_its_mail(door: Door, links: None) -> None:
    answer = await ask(door, f"/c/{of_mail('click', LINK)}", "GET", None, **{"User-Agent": "Mozilla/5.0 (Test)"})
    assert (answer.status, answer.location) == (302, TARGET)
    assert safe(answer)
    head = await ask(door, f"/c/{of_mail('click', LINK)}", "HEAD")
    assert (head.status, head.location, head.uid) == (302, TARGET, None)
    ((key, document),) = await door.logged()
    assert (key, document["type"], document["subject"], document["uid"]) == (
        PROSPECT,
        "list_email.clicked",
        "mail",
        answer.uid,
    )
    assert document["data"] == {
        "ip": "127.0.0.1",
        "user_agent": "Mozilla/5.0 (Test)",
        "url": TARGET,
        "message_id": COMMAND,
        "bot": "unknown",
    }


async def test_an_archived_mails_link_leads_on_and_a_deleted_ones_is_gone(door: Door, links: None) -> None:
    archived = of_mail("click", str(uuid5(UUID(LINK), "shelved")), asset_id="shelved")
    assert (await ask(door, f"/c/{archived}")).location == TARGET
    deleted = of_mail("click", str(uuid5(UUID(LINK), "gone-mail")), asset_id="gone-mail")
    assert (await ask(door, f"/c/{deleted}")).status == 410
    assert [document["subject"] for _, document in await door.logged()] == ["shelved"]


async def test_what_is_no_link_of_that_mail_is_404_and_leaves_nothing(door: Door, links: None) -> None:
    good = of_mail("click", LINK)
    bad = [
        good[:-1],
        good + "A",
        of_mail("open", LINK),
        token(),
        of_mail("click", str(uuid5(UUID(LINK), "nothing"))),
        of_mail("click", "no-id"),
        of_mail("click", LINK, asset_id="shelved"),
        of_mail("click", LINK, asset_id="link"),
        of_mail("click", LINK, keys=f"k1:{'x' * 32}"),
        "",
        "..%2f..%2fetc",
        "x" * 3000,
    ]
    answers = [await ask(door, f"/c/{each}?url=https://evil.example") for each in bad]
    assert {answer.status for answer in answers} == {404}
    assert {answer.body for answer in answers} == {answers[0].body}
    assert (await ask(door, f"/c/{good}", "POST")).status == 405
    assert await door.logged() == []


async def test_an_older_key_still_verifies(
    kafka_settings: Kafka, database_url: str, tmp_path: Path, door: Door, links: None
) -> None:
    rotated = f"k9:{'n' * 32},{TOKEN_KEYS}"
    async with opened(kafka_settings, database_url, tmp_path, FA_TOKENS__KEYS=rotated) as newer:
        assert (await ask(newer, f"/c/{of_mail('click', LINK)}")).location == TARGET
        assert (await ask(newer, f"/c/{of_mail('click', LINK, keys=rotated)}")).location == TARGET


async def test_the_picture_is_served_whatever_is_wrong_and_tells_of_an_opening(door: Door, links: None) -> None:
    good = await ask(door, f"/o/{of_mail('open')}.gif")
    head = await ask(door, f"/o/{of_mail('open')}.gif", "HEAD")
    wrong = await ask(door, f"/o/{of_mail('click', LINK)}.gif")
    for answer in (good, wrong):
        assert (answer.status, answer.headers["Content-Type"], answer.body[:6]) == (200, "image/gif", PIXEL)
        assert safe(answer)
    assert head.status == 200
    ((_, document),) = await door.logged()
    assert (document["type"], document["data"]["message_id"], document["uid"]) == (
        "list_email.opened",
        COMMAND,
        good.uid,
    )


async def test_a_get_asks_and_changes_nothing(
    door: Door, links: None, prospect: str, database: asyncpg.Connection
) -> None:
    for method in ("GET", "HEAD"):
        answer = await ask(door, f"/u/{of_mail('unsubscribe', '')}", method)
        assert (answer.status, answer.uid) == (200, None)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
    assert await consent(database) == ("none", "subscribed")
    assert await outbox(database) == []


@pytest.mark.parametrize(
    ("list_id", "after"), [("", ("unsubscribed", "subscribed")), ("news", ("none", "unsubscribed"))]
)
async def test_a_post_unsubscribes_at_once_and_once(
    door: Door, links: None, prospect: str, database: asyncpg.Connection, list_id: str, after: tuple[str, str]
) -> None:
    path = f"/u/{of_mail('unsubscribe', list_id)}"
    first = await ask(door, path, "POST", b"List-Unsubscribe=One-Click")
    again = await ask(door, path, "POST", b"List-Unsubscribe=One-Click")
    assert (first.status, again.status, again.uid) == (200, 200, None)
    assert first.body == again.body
    assert await consent(database) == after
    snapshot, interaction = await outbox(database)
    assert (snapshot["row"], snapshot["data"]["change"]["by"]) == ("snapshot", "finish/mails")
    assert (interaction["row"], interaction["type"], interaction["uid"]) == (
        "interaction",
        "list_email.unsubscribed",
        first.uid,
    )
    assert interaction["data"]["message_id"] == COMMAND


async def test_an_erased_prospect_is_told_the_same_and_nothing_comes_of_it(
    door: Door, links: None, database: asyncpg.Connection
) -> None:
    answer = await ask(door, f"/u/{of_mail('unsubscribe', '')}", "POST")
    assert (answer.status, answer.uid) == (200, None)
    assert await outbox(database) == []


async def test_whoever_complained_stays_so(
    door: Door, links: None, prospect: str, database: asyncpg.Connection
) -> None:
    await database.execute("UPDATE prospects SET consent = 'complained'")
    await database.execute("DELETE FROM outbox")
    assert (await ask(door, f"/u/{of_mail('unsubscribe', '')}", "POST")).status == 200
    assert (await consent(database))[0] == "complained"
    assert await outbox(database) == []


async def test_with_the_database_away_known_links_lead_on_and_the_rest_says_so(
    kafka_settings: Kafka, tmp_path: Path
) -> None:
    await publish(
        kafka_settings,
        topics.DEFINITIONS,
        asset("prospect", "prospect"),
        asset("mail", "list_email"),
        action_list("prospect", "prospect", 1),
    )
    nowhere = f"postgresql://finish@127.0.0.1:{free_port()}/finish"
    async with opened(kafka_settings, nowhere, tmp_path, wait_ready=False) as door:

        async def up() -> bool:
            try:
                return (await ask(door, f"/o/{of_mail('open')}.gif")).uid is not None
            except aiohttp.ClientError:
                return False

        await eventually(up, 20.0)
        clicked = await ask(door, f"/c/{of_mail('click', LINK)}")
        left = await ask(door, f"/u/{of_mail('unsubscribe', '')}", "POST")
        assert (clicked.status, left.status) == (503, 503)
        assert clicked.headers["Retry-After"] == left.headers["Retry-After"] == "1"
        assert (await ask(door, f"/u/{of_mail('unsubscribe', '')}")).status == 200


NOTHING, ALL = 0, 1


@pytest.mark.parametrize(
    ("failpoint", "kept"),
    [
        ("ingest.after-unsubscribed", NOTHING),
        ("ingest.before-commit", NOTHING),
        ("ingest.after-commit", ALL),
    ],
)
async def test_killed_between_any_two_steps_consent_and_interaction_exist_both_or_neither(
    kafka_settings: Kafka,
    database_url: str,
    database: asyncpg.Connection,
    tmp_path: Path,
    links: None,
    prospect: str,
    failpoint: str,
    kept: int,
) -> None:
    path = f"/u/{of_mail('unsubscribe', '')}"
    async with opened(kafka_settings, database_url, tmp_path, FA_FAIL=f"{failpoint}:1:kill") as dying:
        with pytest.raises(aiohttp.ClientConnectionError):
            await ask(dying, path, "POST")
        assert await dying.process.wait() == -9
    assert [each["row"] for each in await outbox(database)] == ["snapshot", "interaction"] * kept
    assert (await consent(database))[0] == ("unsubscribed" if kept else "none")
    async with opened(kafka_settings, database_url, tmp_path) as healthy:
        assert (await ask(healthy, path, "POST")).status == 200
    assert [each["row"] for each in await outbox(database)] == ["snapshot", "interaction"]


async def test_a_mail_from_two_years_ago_fires_and_so_does_an_archived_link(
    kafka_settings: Kafka, database_url: str, database: asyncpg.Connection, door: Door, links: None, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    clock.write_text((datetime.now(UTC) + timedelta(days=731)).isoformat())
    await door.process.stop()
    async with opened(kafka_settings, database_url, tmp_path, FA_CLOCK__FILE=str(clock)) as later:
        seen = await ask(later, f"/o/{of_mail('open')}.gif")
        clicked = await ask(later, f"/c/{of_mail('click', LINK)}")
        archived = await later.follow(token("old"))
    assert (seen.status, clicked.location, archived.location) == (200, TARGET, "https://example.com/old")
    logged = {document["uid"]: document for _, document in await door.logged()}
    assert [logged[answer.uid]["type"] for answer in (seen, clicked, archived) if answer.uid] == [
        "list_email.opened",
        "list_email.clicked",
        "redirect_link.clicked",
    ]
    assert {document["recordedtime"][:4] for document in logged.values()} == {clock.read_text()[:4]}
