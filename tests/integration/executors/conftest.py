from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio
import structlog
from aiokafka import AIOKafkaProducer

from services.chassis.settings import Kafka
from tests.integration.executors.bench import bench_of
from tests.integration.executors.cases import CASES
from tests.integration.executors.rig import Rig
from tests.support.databases import fresh_database

BY_NAME = {case.executor: case for case in CASES}


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Log in short lines: what a bug's traceback looks like by default takes half a second to draw."""
    structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.KeyValueRenderer()])
    yield
    structlog.reset_defaults()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_database_url(database_server: str, database_template: str) -> AsyncIterator[str]:
    async with fresh_database(database_server, database_template) as url:
        yield url


@pytest.fixture
async def emptied_url(shared_database_url: str) -> str:
    """Return the module's database, as empty as a fresh one and six times as fast to have."""
    connection = await asyncpg.connect(shared_database_url)
    await connection.execute("""
        TRUNCATE prospects, resubscriptions, leads, tasks, notices, mail_digests, mails, prospect_identities, held_submissions, outbox, command_ledger, dead_letters,
                 ended_dead_letters, deliveries, delivery_waits, delivery_requests, delivery_attempts, failing_destinations,
                 pauses, team_members, teams, crm_push;
        DROP FUNCTION IF EXISTS refuse CASCADE;
        DROP SEQUENCE IF EXISTS failures;
    """)
    await connection.close()
    return shared_database_url


@pytest.fixture
async def producer(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    client = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    await client.start()
    yield client
    await client.stop()


@pytest.fixture
def env(stack_env: dict[str, str]) -> dict[str, str]:
    """Let the broker miss a killed member after two seconds."""
    return stack_env | {"FA_KAFKA__SESSION_TIMEOUT_MS": "2000", "FA_KAFKA__HEARTBEAT_INTERVAL_MS": "300"}


@pytest.fixture
async def rig(
    request: pytest.FixtureRequest, database_url: str, kafka_settings: Kafka, producer: AIOKafkaProducer
) -> AsyncIterator[Rig]:
    """Yield the rig of the executor that the test names."""
    case = BY_NAME[request.param]
    async with bench_of(case.executor, database_url) as bench:
        prospects = [await bench.prospect() for _ in range(1 if case.executor == "leads" else 6)]
        yield Rig(case, bench, kafka_settings, producer, prospects)
