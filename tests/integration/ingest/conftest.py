"""A running ingest, definitions in its topic, keys in its database, and a client that posts."""

import hashlib
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import orjson
import pytest
from yarl import URL

from core.tokens import Token, TokenKind, issue, read_keys
from deploy import topics as deployed_topics
from deploy.local.ports import free_port
from deploy.migrate import migrate
from deploy.topics import Topics
from schemas import topics
from services.chassis import kafka
from services.chassis.settings import Kafka
from tests.support.servers import RunningKafka, RunningPostgres
from tests.support.service_process import ServiceProcess

KEY = "fak_" + "k" * 43
POOR_KEY = "fak_" + "p" * 43
ADMIN_KEY = "fak_" + "a" * 43
TOKEN_KEYS = f"k1:{'o' * 32}"
PROSPECT = "11111111-2222-4333-8444-555555555555"
SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

_numbers = itertools.count(1)


def event(**changes: Any) -> dict[str, Any]:
    """Write an event; an attribute changed to None is left out."""
    document = {
        "specversion": "1.0",
        "id": f"event-{next(_numbers)}",
        "source": "shop",
        "type": "redirect_link.clicked",
        "subject": "link",
        "time": datetime.now(UTC).isoformat(),
        "prospectid": PROSPECT,
        "data": {"ip": "203.0.113.7"},
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def asset(asset_id: str, kind: str, status: str = "active") -> dict[str, Any]:
    """Write an asset's record."""
    settings = {"target_url": f"https://example.com/{asset_id}"} if kind == "redirect_link" else {}
    return {
        "schema": 1, "record": "asset", "id": asset_id, "kind": kind, "name": "An asset", "status": status,
        "settings": settings,
    }  # fmt: skip


def action_list(asset_id: str, kind: str, version: int) -> dict[str, Any]:
    """Write a list's record."""
    return {
        "schema": 1, "record": "action_list", "asset_id": asset_id, "asset_kind": kind, "version": version, "actions": []
    }  # fmt: skip


@dataclass
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def pointers(self) -> list[str]:
        """Where a problem says that something is wrong."""
        return [error["pointer"] for error in self.body["errors"]]


@dataclass
class Followed:
    """What came back from a link. `uid` is told when the click is durable."""

    status: int
    location: str | None
    body: bytes
    headers: Mapping[str, str]

    @property
    def uid(self) -> str | None:
        return self.headers.get("finish-interaction")


@dataclass
class Door:
    """Ingest as a client sees it, and what it left in the log."""

    url: str
    process: ServiceProcess
    session: aiohttp.ClientSession
    settings: Kafka
    database_url: str
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {KEY}"})

    async def post(self, body: Any, content_type: str | None = None, **headers: str) -> Answer:
        """Post a value, or bytes as they are. A header with an empty value is left out."""
        kind = content_type or (BATCH if isinstance(body, list) else SINGLE)
        data = BytesIO(body if isinstance(body, bytes) else orjson.dumps(body))
        wanted = {"Content-Type": kind, **self.headers, **headers}
        async with self.session.post(
            f"{self.url}/v1/events", data=data, headers={name: value for name, value in wanted.items() if value}
        ) as answer:
            raw = await answer.read()
            return Answer(answer.status, orjson.loads(raw) if raw else None, answer.headers)

    async def follow(self, token: str, method: str = "GET", **headers: str) -> Followed:
        """Follow a link; `token` may have a query behind it."""
        async with self.session.request(
            method, URL(f"{self.url}/r/{token}", encoded=True), headers=headers, allow_redirects=False
        ) as answer:
            return Followed(answer.status, answer.headers.get("Location"), await answer.read(), answer.headers)

    async def logged(self, topic: str = topics.INTERACTIONS) -> list[tuple[str, dict[str, Any]]]:
        """Return all records of a topic with their keys, each partition in order."""
        reader = kafka.consumer(self.settings, self.settings.topic(topic), client_id="test", isolation="read_committed")
        async with kafka.running(reader):
            chunks = kafka.records_to_end(reader, reader.assignment())
            return [(record.key.decode(), orjson.loads(record.value)) async for chunk in chunks for record in chunk]

    async def define(self, *documents: Mapping[str, Any]) -> None:
        """Publish definitions."""
        await publish(self.settings, topics.DEFINITIONS, *documents)


def token(asset_id: str = "link", prospect: str = PROSPECT, kind: TokenKind = "link", keys: str = TOKEN_KEYS) -> str:
    """Issue a token as the console does."""
    return issue(Token(kind, asset_id, prospect), read_keys(keys))


async def publish(settings: Kafka, topic: str, *documents: Mapping[str, Any] | bytes | None) -> None:
    """Publish records to partition 0."""
    async with kafka.running(kafka.producer(settings, client_id="test")) as sender:
        for document in documents:
            value = document if document is None or isinstance(document, bytes) else orjson.dumps(document)
            await sender.send_and_wait(settings.topic(topic), value, key=b"key", partition=0)


async def add_keys(database_url: str) -> None:
    """Add a key that may create for any source, one that may not for one source, and one of another scope."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        await connection.executemany(
            "INSERT INTO api_keys (id, name, hash, scopes, sources, may_create) VALUES ($1, $1, $2, $3, $4, $5)",
            [
                ("rich", hashlib.sha256(KEY.encode()).digest(), ["events"], ["*"], True),
                ("poor", hashlib.sha256(POOR_KEY.encode()).digest(), ["events"], ["shop"], False),
                ("admin", hashlib.sha256(ADMIN_KEY.encode()).digest(), ["admin"], ["*"], True),
            ],
        )
    finally:
        await connection.close(timeout=10)


@asynccontextmanager
async def opened(
    settings: Kafka, database_url: str, folder: Path, *, wait_ready: bool = True, **env: str
) -> AsyncIterator[Door]:
    """Run an ingest over this broker and database. A click's uid is told on a busy machine too, unless `env` says less;
    what is empty there is left out."""
    port = free_port()
    told = {
        "FA_KAFKA__BOOTSTRAP": settings.bootstrap,
        "FA_KAFKA__TOPIC_PREFIX": settings.topic_prefix,
        "FA_POSTGRES__URL": database_url,
        "FA_INGEST__PORT": str(port),
        "FA_INGEST__WRITING_BEHIND__WAIT_S": "20",
        "FA_TOKENS__KEYS": TOKEN_KEYS,
        **env,
    }
    process = ServiceProcess(
        "services.ingest", env={name: value for name, value in told.items() if value}, folder=folder
    )
    async with AsyncExitStack() as stack:
        if wait_ready:
            await stack.enter_async_context(process)
        else:
            await process.start(wait_ready=False)
            stack.push_async_exit(process)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)))
        yield Door(f"http://127.0.0.1:{port}", process, session, settings, database_url)


@pytest.fixture
async def door(kafka_settings: Kafka, database_url: str, tmp_path: Path) -> AsyncIterator[Door]:
    """Yield a running ingest that knows some assets: `link` has 3 versions, `prospect` 2."""
    await add_keys(database_url)
    await publish(
        kafka_settings,
        topics.DEFINITIONS,
        asset("prospect", "prospect"),
        asset("link", "redirect_link"),
        asset("old", "redirect_link", "archived"),
        asset("gone", "redirect_link", "deleted"),
        asset("mail", "list_email"),
        *(action_list("link", "redirect_link", version) for version in (1, 2, 3)),
        *(action_list("prospect", "prospect", version) for version in (1, 2)),
    )
    async with opened(kafka_settings, database_url, tmp_path) as ingest:
        yield ingest


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection of the test's own. The outbox is empty."""
    connection = await asyncpg.connect(database_url, timeout=10)
    await connection.execute("DELETE FROM outbox")
    yield connection
    await connection.close(timeout=10)


@pytest.fixture
async def own_settings(own_kafka: RunningKafka) -> Kafka:
    """Return settings for a broker that the test may kill, with topics and definitions."""
    settings = Kafka(bootstrap=own_kafka.bootstrap)
    await deployed_topics.apply(settings, Topics(keyed_partitions=4, replicas=1))
    await publish(settings, topics.DEFINITIONS, asset("link", "redirect_link"), action_list("link", "redirect_link", 1))
    return settings


@pytest.fixture
async def own_database(own_postgres: RunningPostgres) -> str:
    """Return the URL of a database on a server that the test may kill."""
    connection = await asyncpg.connect(own_postgres.url_of("postgres"), timeout=10)
    await connection.execute("CREATE DATABASE own")
    await connection.close(timeout=10)
    url = own_postgres.url_of("own")
    await migrate(url)
    await add_keys(url)
    return url
