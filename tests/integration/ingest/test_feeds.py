"""`POST /v1/feeds/{service}`: what is told changes the record's consent and leaves the interaction, both or neither."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import boto3
import orjson
import pytest
from moto.server import ThreadedMotoServer

from schemas.identity import interaction_uid
from services.chassis.errors import RetryableError
from services.chassis.settings import Kafka
from services.ingest.feeds.told import Confirmation
from services.ingest.opened_feeds import SnsConfirming
from services.ingest.settings import Feeds
from tests.integration.ingest.conftest import PROSPECT, Door, add_keys, asset, opened
from tests.integration.ingest.test_mails import outbox
from tests.unit.ingest.test_feeds import POSTED, TOPIC

SECRET = {"FA_INGEST__FEEDS__POSTMARK_PASSWORD": "secret"}
BOUNCE: dict[str, Any] = {
    "RecordType": "Bounce",
    "Type": "HardBounce",
    "ID": 42,
    "Email": "Ann@Example.org",
    "MessageID": "pm-1",
    "BouncedAt": "2026-03-02T11:00:00Z",
    "Metadata": {"finish_message_id": "march-1"},
    "Description": "no such user",
}


@pytest.fixture
async def ann(database: asyncpg.Connection) -> UUID:
    """Make a prospect to whom two mails were sent: one is named by an id, one by the service's reference."""
    prospect_id = UUID(PROSPECT)
    await database.execute("INSERT INTO prospects (id, email) VALUES ($1, 'ann@example.org')", prospect_id)
    await database.execute(
        "INSERT INTO assets (id, kind, name) VALUES ('mail', 'list_email', 'M') ON CONFLICT DO NOTHING"
    )
    command_id = UUID(int=7)
    await database.executemany(
        "INSERT INTO mails (id, asset_id, prospect_id) VALUES ($1, 'mail', $2)",
        [("march-1", prospect_id), (str(command_id), prospect_id)],
    )
    await database.execute(
        "INSERT INTO delivery_attempts (command_id, number, executor, destination, prospect_id, started_at, reference)"
        " VALUES ($1, 1, 'email', 'mail', $2, now(), 'theirs')",
        command_id,
        prospect_id,
    )
    await database.execute("DELETE FROM outbox")
    return prospect_id


@pytest.fixture
async def feed(kafka_settings: Kafka, database_url: str, tmp_path: Path) -> AsyncIterator[Door]:
    await add_keys(database_url)
    async with opened(kafka_settings, database_url, tmp_path, **SECRET) as ingest:  # type: ignore[arg-type]
        await ingest.define(asset("mail", "list_email"))
        yield ingest


async def tell(door: Door, document: Any = None, service: str = "postmark", **headers: str) -> tuple[int, bytes]:
    async with door.session.post(
        f"{door.url}/v1/feeds/{service}",
        data=BytesIO(orjson.dumps(BOUNCE if document is None else document)),
        headers={"Content-Type": "application/json", **POSTED, **headers},
    ) as answer:
        return answer.status, await answer.read()


async def consent(database: asyncpg.Connection) -> str:
    return str(await database.fetchval("SELECT consent FROM prospects WHERE id = $1", UUID(PROSPECT)))


async def test_a_hard_bounce_ends_consent_and_is_an_interaction_behind_the_snapshot(
    feed: Door, ann: UUID, database: asyncpg.Connection
) -> None:
    assert await tell(feed) == (200, b"")
    snapshot, interaction = await outbox(database)
    assert (snapshot["row"], snapshot["data"]["values"]["consent"], snapshot["data"]["writer"]) == (
        "snapshot", "bounced", "finish/feeds/postmark",
    )  # fmt: skip
    assert (interaction["type"], interaction["subject"]) == ("list_email.bounced", "mail")
    assert interaction["prospectid"] == PROSPECT
    assert interaction["uid"] == str(interaction_uid("finish/feeds/postmark", "42"))
    assert interaction["data"] == {
        "message_id": "march-1",
        "type": "HardBounce",
        "reason": "no such user",
        "bounce": "hard",
    }
    assert interaction["time"] == "2026-03-02T11:00:00.000000Z"

    assert await tell(feed) == (200, b"")
    assert [each["row"] for each in await outbox(database)] == ["snapshot", "interaction", "interaction"]
    assert len({each["uid"] for each in await outbox(database) if each["row"] == "interaction"}) == 1


async def test_a_soft_bounce_tells_and_changes_nothing(feed: Door, ann: UUID, database: asyncpg.Connection) -> None:
    await tell(feed, {**BOUNCE, "Type": "SoftBounce"})
    (interaction,) = await outbox(database)
    assert interaction["data"]["bounce"] == "soft"
    assert await consent(database) == "none"


async def test_who_complained_stays_out_and_a_bounce_says_more_than_an_unsubscribe(
    feed: Door, ann: UUID, database: asyncpg.Connection
) -> None:
    left = {
        "RecordType": "SubscriptionChange", "SuppressSending": True, "Recipient": "ann@example.org", "MessageID": "x",
        "ChangedAt": "2026-03-02T11:00:00Z", "SuppressionReason": "ManualSuppression",
        "Metadata": {"finish_message_id": "march-1"},
    }  # fmt: skip
    spam = {**BOUNCE, "RecordType": "SpamComplaint", "ID": 43}
    for document, then in (
        (left, "unsubscribed"),
        (BOUNCE, "bounced"),
        (left, "bounced"),
        (spam, "complained"),
        (BOUNCE, "complained"),
    ):
        assert (await tell(feed, document))[0] == 200
        assert await consent(database) == then


async def test_a_mail_is_known_by_the_services_reference_or_else_its_address_alone(
    feed: Door, ann: UUID, database: asyncpg.Connection
) -> None:
    await tell(feed, {**BOUNCE, "Metadata": {}, "MessageID": "theirs", "ID": 1, "Type": "SoftBounce"})
    (interaction,) = await outbox(database)
    assert interaction["data"]["message_id"] == str(UUID(int=7))
    await database.execute("DELETE FROM outbox")

    await tell(feed, {**BOUNCE, "Metadata": {}, "ID": 2})
    assert [each["row"] for each in await outbox(database)] == ["snapshot"]
    assert await consent(database) == "bounced"


async def test_what_is_told_of_an_address_that_is_nobodys_or_not_the_records_any_more_changes_nothing(
    feed: Door, ann: UUID, database: asyncpg.Connection
) -> None:
    assert await tell(feed, {**BOUNCE, "Metadata": {}, "Email": "stranger@example.org"}) == (200, b"")
    assert await outbox(database) == []
    assert await tell(feed, {**BOUNCE, "Email": "before@example.org"}) == (200, b"")
    assert [each["row"] for each in await outbox(database)] == ["interaction"]
    assert await consent(database) == "none"


async def test_what_is_not_proven_or_not_set_up_or_unreadable_is_told_so(
    feed: Door, ann: UUID, database: asyncpg.Connection
) -> None:
    for wanted, status in (
        (tell(feed, Authorization="Basic eDp5"), 403),
        (tell(feed, Authorization=""), 403),
        (tell(feed, service="sendgrid"), 404),
        (tell(feed, service="nobody"), 404),
        (tell(feed, {**BOUNCE, "ID": None}), 422),
        (tell(feed, None, **{"Content-Type": "application/xml"}), 415),
        (tell(feed, {**BOUNCE, "more": "x" * 1_100_000}), 413),
    ):
        answered, body = await wanted
        assert answered == status
        assert b"Ann@Example.org" not in body
    assert await outbox(database) == []


@pytest.mark.parametrize("point", ["ingest.after-feedback", "ingest.before-commit", "ingest.after-commit"])
async def test_killed_at_any_step_both_are_there_once_it_is_told_again(
    point: str, kafka_settings: Kafka, database_url: str, tmp_path: Path, ann: UUID, database: asyncpg.Connection
) -> None:
    await add_keys(database_url)
    more: dict[str, Any] = {**SECRET, "FA_FAIL": f"{point}:1:kill"}
    async with opened(kafka_settings, database_url, tmp_path, **more) as doomed:
        await doomed.define(asset("mail", "list_email"))
        with pytest.raises(aiohttp.ClientError):
            await tell(doomed)
        rows = [each["row"] for each in await outbox(database)]
        assert rows == (["snapshot", "interaction"] if point == "ingest.after-commit" else [])
    async with opened(kafka_settings, database_url, tmp_path, **SECRET) as again:  # type: ignore[arg-type]
        assert await tell(again) == (200, b"")
    found = await outbox(database)
    assert [each["row"] for each in found][:2] == ["snapshot", "interaction"]
    assert len({each.get("uid") for each in found if each["row"] == "interaction"}) == 1
    assert await consent(database) == "bounced"


# SNS is told yes through its API -------------------------------------------------------------------------------------


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


async def test_a_subscription_is_confirmed_by_the_api(moto: str) -> None:
    client = boto3.client("sns", region_name="eu-west-1", endpoint_url=moto)
    topic = (await asyncio.to_thread(lambda: client.create_topic(Name="ses")))["TopicArn"]
    confirming = SnsConfirming(Feeds(sns_endpoint=moto))
    for _ in range(2):
        await confirming.confirm(Confirmation(topic, "token"))
    with pytest.raises(RetryableError):
        await SnsConfirming(Feeds(sns_endpoint="http://127.0.0.1:9")).confirm(Confirmation(TOPIC, "token"))
