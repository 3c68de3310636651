"""Fixtures that every test may ask for. The broker and the database start when the first test asks, once per session.

`broker` and `database_url` are enough for most; `own_kafka` and `own_postgres` are for tests that kill them.
"""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from deploy import topics
from deploy.local import ports
from deploy.topics import Topics
from services.chassis.settings import Kafka
from tests.support.abandoned import collect_abandoned_connections
from tests.support.databases import fresh_database, migrated_template
from tests.support.nursery import end_nurseries
from tests.support.servers import RunningKafka, RunningPostgres, running_kafka, running_postgres


def pytest_configure() -> None:
    """Give each worker of pytest-xdist ports of its own."""
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    ports.keep_to_share(int(worker.removeprefix("gw")), int(workers))


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Fail the session when a process that a test started is still there at its end."""
    yield
    nurseries = end_nurseries()
    left = [process for process in psutil.Process().children(recursive=True) if process.pid not in nurseries]
    assert not left, f"processes were left behind: {left}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Yield the address of a real broker: the one of FA_KAFKA__BOOTSTRAP, or one started for this session."""
    given = os.environ.get("FA_KAFKA__BOOTSTRAP")
    if given:
        yield given
        return
    async with running_kafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka.bootstrap


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Yield the URL of a real server's database in which others can be made."""
    given = os.environ.get("FA_POSTGRES__URL") or os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    async with running_postgres(tmp_path_factory.mktemp("postgres")) as postgres:
        yield postgres.url_of("postgres")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database_template(database_server: str) -> AsyncIterator[str]:
    """Yield the name of a migrated database that nobody connects to."""
    async with migrated_template(database_server) as name:
        yield name


@pytest.fixture
async def database_url(database_server: str, database_template: str) -> AsyncIterator[str]:
    """Yield the URL of a migrated database of this test alone."""
    async with fresh_database(database_server, database_template) as url:
        yield url


@pytest.fixture
def keyed_partitions() -> int:
    """Return the partition count of the keyed topics; a module may override it."""
    return 4


@pytest.fixture
def unused_prefix() -> str:
    """Return a topic prefix under which there is nothing yet."""
    return f"t{uuid.uuid4().hex[:10]}."


@pytest.fixture
async def kafka_settings(broker: str, unused_prefix: str, keyed_partitions: int) -> AsyncIterator[Kafka]:
    """Yield settings under whose prefix all topics exist, empty, for this test alone."""
    kafka = Kafka(bootstrap=broker, topic_prefix=unused_prefix)
    await topics.apply(kafka, Topics(keyed_partitions=keyed_partitions, replicas=1))
    yield kafka
    collect_abandoned_connections()
    await topics.remove(kafka)


@pytest.fixture
def topic_prefix(kafka_settings: Kafka) -> str:
    """Return the prefix of this test's topics, all of which exist."""
    return kafka_settings.topic_prefix


@pytest.fixture
def stack_env(kafka_settings: Kafka, database_url: str) -> dict[str, str]:
    """Return the environment that points a service at this test's topics and database."""
    return {
        "FA_KAFKA__BOOTSTRAP": kafka_settings.bootstrap,
        "FA_KAFKA__TOPIC_PREFIX": kafka_settings.topic_prefix,
        "FA_POSTGRES__URL": database_url,
    }


@pytest.fixture
async def own_kafka(tmp_path: Path) -> AsyncIterator[RunningKafka]:
    """Yield a broker of this test alone, to be killed."""
    async with running_kafka(tmp_path) as kafka:
        yield kafka


@pytest.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[RunningPostgres]:
    """Yield a database server of this test alone, to be killed."""
    async with running_postgres(tmp_path) as postgres:
        yield postgres
