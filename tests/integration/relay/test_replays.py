"""Replays on their way into the log: the letter's own bytes, where they came from, with its id in a header."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
from aiokafka import ConsumerRecord
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.topics import admin
from schemas.dead_letters import replay_of
from schemas.topics import DEFINITIONS, INTERACTIONS, commands
from services.chassis import kafka
from services.chassis.partitioner import partition_for
from services.chassis.settings import Kafka
from tests.integration.relay.conftest import StartRelay, create, drained

SCORE = commands("score")
PARTITIONS = 4


async def _asked(database: asyncpg.Connection, **columns: Any) -> UUID:
    """Store a dead letter whose replay is asked for, as the console does."""
    letter = {"id": uuid4(), "topic": INTERACTIONS, "partition": 3, "key": b"key", "value": b"{poison", **columns}
    await database.execute(
        'INSERT INTO dead_letters (id, topic, partition, key, value, "offset", reason, error, first_time, last_time,'
        " replayed_at) VALUES ($1, $2, $3, $4, $5, 7, 'malformed', 'not JSON', now(), now(), now())",
        *letter.values(),
    )
    await database.execute(
        "INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('replay', $1, 'replay', '{}')",
        str(letter["id"]),
    )
    return UUID(str(letter["id"]))


async def _records(settings: Kafka, topic: str) -> list[ConsumerRecord]:
    reader = kafka.consumer(settings, settings.topic(topic), client_id="test", isolation="read_committed")
    async with kafka.running(reader):
        return [record async for chunk in kafka.records_to_end(reader, reader.assignment()) for record in chunk]


async def test_a_record_goes_back_to_its_topic_as_it_was_and_says_which_letter_it_is(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    (prospect,) = await create(database)
    key = str(prospect).encode()
    interaction = await _asked(database, key=key)
    command = await _asked(database, topic=SCORE, value=b'{"a":  1}')
    keyless = await _asked(database, topic=SCORE, key=None)
    definition = await _asked(database, topic=DEFINITIONS, key=b"list:pricing:1")
    gone = await _asked(database)
    await database.execute("DELETE FROM dead_letters WHERE id = $1", gone)
    async with relay() as process:
        await drained(database)
        metrics = await process.metrics()

    snapshot, replay = await _records(kafka_settings, INTERACTIONS)
    assert (snapshot.key, replay_of(snapshot.headers)) == (key, None)
    assert (replay.key, replay.value, replay_of(replay.headers)) == (key, b"{poison", interaction)
    assert replay.partition == snapshot.partition == partition_for(key, PARTITIONS)
    assert replay.offset > snapshot.offset
    by_letter = {replay_of(record.headers): record for record in await _records(kafka_settings, SCORE)}
    assert by_letter.keys() == {command, keyless}
    assert by_letter[command].value == b'{"a":  1}'
    assert (by_letter[keyless].key, by_letter[keyless].partition) == (None, 3)
    assert [replay_of(record.headers) for record in await _records(kafka_settings, DEFINITIONS)] == [definition]
    assert await database.fetchval("SELECT count(*) FROM dead_letters WHERE replayed_at IS NOT NULL") == 4
    assert metrics['finish_dead_letters{reason="malformed",topic="finish.commands.score.v1"}'] == 2


async def test_killed_before_it_is_deleted_a_replay_is_published_twice_as_the_same_letter(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    letter = await _asked(database)
    async with relay(FA_FAIL="relay.after-ack:1:kill") as doomed:
        assert await doomed.wait() == -9
    async with relay():
        await drained(database)
    assert [replay_of(record.headers) for record in await _records(kafka_settings, INTERACTIONS)] == [letter, letter]


async def test_what_the_broker_does_not_take_any_more_is_given_back(
    relay: StartRelay, kafka_settings: Kafka, database: asyncpg.Connection
) -> None:
    name = kafka_settings.topic(INTERACTIONS)
    async with admin(kafka_settings) as client:
        lower = ConfigResource(ConfigResourceType.TOPIC, name, configs={"max.message.bytes": "20000"})
        await client.alter_configs([lower])
    letter = await _asked(database, value=b"x" * 50_000)
    async with relay(FA_RELAY__BATCH_MAX_ROWS="1"):
        await drained(database, 60.0)
    (kept,) = await database.fetch("SELECT id, reason, attempts, topic, replayed_at FROM dead_letters")
    assert tuple(kept) == (letter, "oversize", 2, INTERACTIONS, None)
