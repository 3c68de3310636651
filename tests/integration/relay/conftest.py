"""A relay of the test's own, a writer that is none of ours, and the log that it fills."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from schemas import topics
from services.chassis import kafka
from services.chassis.settings import Kafka
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess


class StartRelay(Protocol):
    """Makes a relay process, not started yet. Further settings by their names."""

    def __call__(self, **env: str) -> ServiceProcess: ...


@pytest.fixture
def relay(stack_env: Mapping[str, str], tmp_path: Path) -> StartRelay:
    """Return how to make a relay over this test's topics and database."""

    def make(**env: str) -> ServiceProcess:
        quick = {"FA_RELAY__LEASE__TAKEOVER_POLL_S": "0.1"}
        return ServiceProcess("services.relay", env={**stack_env, **quick, **env}, folder=tmp_path)

    return make


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection as other writers have one. The outbox is empty."""
    connection = await asyncpg.connect(database_url, timeout=10)
    await connection.execute("DELETE FROM outbox")
    yield connection
    await connection.close(timeout=10)


async def create(database: asyncpg.Connection, count: int = 1) -> list[UUID]:
    """Create prospects, each in a transaction of its own."""
    ids = [uuid4() for _ in range(count)]
    await database.executemany("INSERT INTO prospects (id) VALUES ($1)", [(id_,) for id_ in ids])
    return ids


async def published(settings: Kafka, topic: str = topics.INTERACTIONS) -> list[dict[str, Any]]:
    """Return all records of a topic, each partition in order."""
    reader = kafka.consumer(settings, settings.topic(topic), client_id="test", isolation="read_committed")
    async with kafka.running(reader):
        chunks = kafka.records_to_end(reader, reader.assignment())
        return [orjson.loads(record.value) async for chunk in chunks for record in chunk]


async def drained(database: asyncpg.Connection, deadline_s: float = 20.0) -> None:
    """Wait until the outbox is empty."""
    await eventually(lambda: database.fetchval("SELECT count(*) = 0 FROM outbox"), deadline_s)


def versions(records: list[dict[str, Any]], prospect: UUID) -> list[int]:
    """Return the versions of one prospect's snapshots."""
    return [record["data"]["version"] for record in records if record.get("prospectid") == str(prospect)]
