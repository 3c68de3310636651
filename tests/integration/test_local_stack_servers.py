"""The embedded broker and database: real, fresh per test, and back on their data after a kill."""

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy import topics
from deploy.errors import DeployError
from deploy.migrate import migrate, read
from deploy.topics import Topics
from schemas.topics import ALL, INTERACTIONS
from services.chassis import kafka as clients
from services.chassis.settings import Kafka
from tests.support.databases import with_database
from tests.support.servers import RunningKafka, RunningPostgres


async def test_a_test_database_is_migrated_and_folds_case_by_unicode(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        versions = [
            row["version"] for row in await connection.fetch("SELECT version FROM schema_migrations ORDER BY 1")
        ]
        folded = await connection.fetchval("SELECT text_key('  ÄRGER ')")
        encoding = await connection.fetchval("SHOW server_encoding")
    finally:
        await connection.close()
    assert (versions, folded, encoding) == ([migration.version for migration in read()], "ärger", "UTF8")


async def test_migrating_twice_applies_nothing_the_second_time(database_url: str) -> None:
    assert await migrate(database_url) == ()


async def test_making_the_topics_twice_makes_none_the_second_time(kafka_settings: Kafka, keyed_partitions: int) -> None:
    made = await topics.apply(kafka_settings, Topics(keyed_partitions=keyed_partitions))
    assert made == ()


async def test_a_topic_with_another_partition_count_is_refused_by_name(kafka_settings: Kafka) -> None:
    with pytest.raises(DeployError, match=r"finish\.interactions\.v1 has 4 partitions, 5 are needed"):
        await topics.apply(kafka_settings, Topics(keyed_partitions=5))


async def test_topics_are_made_as_declared(kafka_settings: Kafka) -> None:
    async with topics.admin(kafka_settings) as admin:
        there = await admin.list_topics()
    assert {kafka_settings.topic(topic.name) for topic in ALL} <= set(there)


async def test_a_killed_broker_comes_back_with_what_it_acknowledged(own_kafka: RunningKafka) -> None:
    kafka = Kafka(bootstrap=own_kafka.bootstrap)
    await topics.apply(kafka, Topics(keyed_partitions=2))
    async with clients.running(clients.producer(kafka, client_id="test")) as producer:
        await producer.send_and_wait(INTERACTIONS, b"kept", partition=0)

    await own_kafka.child.kill()
    await own_kafka.child.start()
    await own_kafka.child.wait_ready()

    consumer: AIOKafkaConsumer = clients.consumer(kafka, client_id="test", isolation="read_committed")
    async with clients.running(consumer):
        consumer.assign([TopicPartition(INTERACTIONS, 0)])
        record = await consumer.getone()
    assert record.value == b"kept"


async def test_a_killed_database_comes_back_with_what_it_committed(own_postgres: RunningPostgres) -> None:
    url = own_postgres.url_of("postgres")
    await migrate(url)
    await own_postgres.child.kill()

    await own_postgres.restart()

    connection = await asyncpg.connect(with_database(url, "postgres"))
    try:
        assets = await connection.fetchval("SELECT count(*) FROM assets")
    finally:
        await connection.close()
    assert assets == 1
