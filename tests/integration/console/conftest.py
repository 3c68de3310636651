"""The console's API and the relay in the test's own process, on the test's database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from core.tokens import TokenKey
from deploy import topics
from deploy.topics import Topics
from services.blobs.local import LocalBlobs
from services.chassis import postgres
from services.chassis.api_keys import ApiKeyCache, ApiKeys
from services.chassis.clock import SystemClock
from services.chassis.listener import Listener
from services.chassis.process import Process
from services.chassis.settings import Kafka, Postgres
from services.console.app import application
from services.console.handlers.webhooks import Webhooks
from services.console.publications import Publications
from services.console.routes import routes
from services.console.settings import Console
from services.console.transactions import Database
from services.outbound.calling import caller
from services.outbound.settings import Webhook
from services.relay.__main__ import main as relaying
from services.relay.settings import RelaySettings
from tests.support.abandoned import collect_abandoned_connections
from tests.support.deployment import add_key
from tests.support.eventually import eventually
from tests.support.workspace import Workspace, workspace

PATIENT_KEYS: Final = ApiKeyCache(read_timeout_s=20.0)


def patient(database_url: str) -> Postgres:
    """Return settings for a machine on which much else runs."""
    return Postgres(
        url=SecretStr(database_url),
        connect_timeout_s=30.0,
        acquire_timeout_s=30.0,
        statement_timeout_s=30.0,
        lock_timeout_s=30.0,
        idle_in_transaction_timeout_s=60.0,
    )


@dataclass(frozen=True)
class Running:
    """The API, a client that may do everything, and the database behind it."""

    url: str
    work: Workspace
    database: Database
    publications: Publications

    async def rows(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        return await self.database.rows(sql, *arguments)

    async def count(self, of: str) -> int:
        (row,) = await self.rows(f"SELECT count(*) FROM {of}")
        return int(row["count"])


GUARDED: Final = Webhook()


@asynccontextmanager
async def serving(
    database_url: str,
    console: Console,
    tokens: Sequence[TokenKey] = (),
    webhook: Webhook = GUARDED,
    files: LocalBlobs | None = None,
) -> AsyncIterator[Running]:
    """Serve the API without history and without anybody who publishes."""
    key = await add_key(database_url)
    clock, stopping = SystemClock(), asyncio.Event()
    async with (
        postgres.pool(patient(database_url), application_name="console") as pool,
        caller(webhook) as http,
    ):
        database, publications = Database(pool, clock, 30.0), Publications(pool, console)
        keys = ApiKeys(pool, clock, console.keys)
        table = routes(database, publications, console, tokens, Webhooks(database, http, webhook), files)
        listener = Listener(application(table, keys, console), console)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(publications.watch())
            serving = group.create_task(listener.serve(stopping))
            port = await eventually(lambda: listener.port)
            url = f"http://127.0.0.1:{port}"
            async with workspace("", url, key) as work:
                yield Running(url, work, database, publications)
            stopping.set()
            await serving
            watching.cancel()


@pytest.fixture
def settings() -> Console:
    return Console(port=0, publish_timeout_s=30.0, keys=PATIENT_KEYS)


@pytest.fixture
async def unpublished(database_url: str, settings: Console) -> AsyncIterator[Running]:
    async with serving(database_url, settings) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def log(broker: str) -> AsyncIterator[Kafka]:
    """Yield topics that these tests share: they write, and nobody here reads."""
    kafka = Kafka(bootstrap=broker, topic_prefix=f"console{uuid4().hex[:8]}.")
    await topics.apply(kafka, Topics(keyed_partitions=1, replicas=1))
    yield kafka
    await topics.remove(kafka)


@pytest.fixture
async def console(unpublished: Running, database_url: str, log: Kafka) -> AsyncIterator[Running]:
    """Yield the API with a relay at work."""
    settings = RelaySettings(kafka=log, postgres=patient(database_url))
    process = Process(settings)
    relay = asyncio.create_task(relaying(process, settings))
    yield unpublished
    process.stopping.set()
    await relay
    collect_abandoned_connections()
