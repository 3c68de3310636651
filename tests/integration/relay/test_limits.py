"""Rows that the broker does not take end as dead letters, and the broker may be away: the relay goes on by itself."""

from contextlib import suppress

import asyncpg
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError

from deploy import topics as deployed_topics
from deploy.topics import Topics, admin
from schemas import topics
from services.chassis import kafka
from services.chassis.settings import Kafka
from tests.integration.relay.conftest import StartRelay, create, drained, published, versions
from tests.support.eventually import eventually
from tests.support.servers import RunningKafka

GROW = "UPDATE prospects SET fields = jsonb_build_object('note', repeat('x', $2)) WHERE id = $1"


async def test_a_row_too_large_for_the_topic_is_a_dead_letter_and_the_next_one_goes_on(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    large, small = await create(database, 2)
    await database.execute(GROW, large, 10)
    await database.execute(
        """UPDATE outbox SET payload = jsonb_set(payload, '{data,values,fields}', jsonb_build_object('note', $2::text))
           WHERE aggregateid = $1 AND payload #>> '{data,version}' = '2'""",
        str(large),
        "x" * 1_200_000,
    )
    await database.execute(GROW, small, 10)
    async with relay() as process:
        await drained(database)
        metrics = await process.metrics()
    records = await published(kafka_settings)
    assert (versions(records, large), versions(records, small)) == ([1], [1, 2])
    (letter,) = await database.fetch("SELECT *, octet_length(value) AS size_bytes FROM dead_letters")
    assert (letter["reason"], letter["topic"], letter["prospect_id"]) == ("oversize", "outbox", str(large))
    assert letter["size_bytes"] == 512 * 1024
    assert metrics['finish_relay_dead_letters_total{reason="oversize"}'] == 1


async def test_a_broker_that_takes_less_than_our_settings_say_stops_nothing(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection, keyed_partitions: int
) -> None:
    name = kafka_settings.topic(topics.INTERACTIONS)
    async with admin(kafka_settings) as client:
        lower = ConfigResource(ConfigResourceType.TOPIC, name, configs={"max.message.bytes": "20000"})
        await client.alter_configs([lower])
    async with kafka.running(kafka.producer(kafka_settings, client_id="test")) as producer:

        async def takes_less() -> bool:  # the controller has answered, the broker follows when it has read so
            for partition in range(keyed_partitions):
                with suppress(MessageSizeTooLargeError):
                    await producer.send_and_wait(name, b'{"large": "%s"}' % (b"x" * 30_000), partition=partition)
                    return False
            return True

        await eventually(takes_less)
    large, *small = await create(database, 8)
    await database.execute(GROW, large, 50_000)
    for prospect in small:
        await database.execute(GROW, prospect, 9_000)
    async with relay():
        await drained(database, 60.0)
    records = await published(kafka_settings)
    assert set(versions(records, large)) == {1}
    assert all(list(dict.fromkeys(versions(records, prospect))) == [1, 2] for prospect in small)
    (letter,) = await database.fetch("SELECT reason, prospect_id FROM dead_letters")
    assert tuple(letter) == ("oversize", str(large))


async def test_a_number_that_no_reader_can_hold_is_left_to_its_reader(
    relay: StartRelay, database: asyncpg.Connection
) -> None:
    (prospect,) = await create(database)
    await database.execute("UPDATE prospects SET fields = '{\"n\": 1e400}' WHERE id = $1", prospect)
    async with relay():
        await drained(database)
    assert await database.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_rows_wait_while_the_broker_is_away_and_follow_in_order_when_it_is_back(
    relay: StartRelay, own_kafka: RunningKafka, database: asyncpg.Connection
) -> None:
    settings = Kafka(bootstrap=own_kafka.bootstrap)
    await deployed_topics.apply(settings, Topics(keyed_partitions=2, replicas=1))
    env = {
        "FA_KAFKA__BOOTSTRAP": own_kafka.bootstrap,
        "FA_KAFKA__TOPIC_PREFIX": "",
        "FA_KAFKA__DELIVERY_TIMEOUT_S": "2",
        "FA_RELAY__BACKOFF_MAX_S": "0.5",
    }
    async with relay(**env) as process:
        (prospect,) = await create(database)
        await drained(database)
        await own_kafka.child.kill()
        await database.execute("UPDATE prospects SET score = 1")
        await eventually(process.not_ready, 20.0)
        await database.execute("UPDATE prospects SET score = 2")
        assert await database.fetchval("SELECT count(*) FROM outbox") == 2
        await own_kafka.child.start()
        await own_kafka.child.wait_ready()
        await drained(database, 30.0)
        await process.wait_ready()
        records = await published(settings)
    assert list(dict.fromkeys(versions(records, prospect))) == [1, 2, 3]
