"""One deployment of real services for all of this folder, and a command line that finds it."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from deploy import topics
from deploy.topics import Topics
from services.chassis.settings import Kafka
from tests.support.abandoned import collect_abandoned_connections
from tests.support.databases import fresh_database
from tests.support.deployment import Deployment, deployed
from tests.support.finish_command import write_stack

PARTITIONS = 4


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def log(broker: str) -> AsyncIterator[Kafka]:
    kafka = Kafka(bootstrap=broker, topic_prefix=f"cli{uuid4().hex[:8]}.")
    await topics.apply(kafka, Topics(keyed_partitions=PARTITIONS, replicas=1))
    yield kafka
    collect_abandoned_connections()
    await topics.remove(kafka)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def deployment(
    log: Kafka, database_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    async with fresh_database(database_server, database_template) as url:
        env = {
            "FA_KAFKA__BOOTSTRAP": log.bootstrap,
            "FA_KAFKA__TOPIC_PREFIX": log.topic_prefix,
            "FA_POSTGRES__URL": url,
        }
        async with deployed(env, tmp_path_factory.mktemp("cli")) as running:
            yield running


@pytest.fixture
def stack(deployment: Deployment, log: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Let `finish` find the deployment by its stack file, but for the topics' prefix and count."""
    work = deployment.workspace
    write_stack(
        tmp_path / "stack.json",
        ingest=work.ingest,
        console=work.console,
        api_key=work.headers["Authorization"].removeprefix("Bearer "),
        kafka=log.bootstrap,
        postgres=deployment.database_url,
        ops={name: process.ops_url for name, process in deployment.processes.items()},
    )
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("FA_CLI__STACK", str(tmp_path / "stack.json"))
    monkeypatch.setenv("FA_KAFKA__TOPIC_PREFIX", log.topic_prefix)
    monkeypatch.setenv("FA_TOPICS__KEYED_PARTITIONS", str(PARTITIONS))
    return deployment
