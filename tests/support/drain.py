"""Tells when nothing is under way any more: outbox empty, and every consumer group behind the end of what it reads."""

from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.topics import admin
from schemas import topics
from services.chassis import kafka
from services.chassis.settings import Kafka
from tests.support.eventually import eventually

EVALUATORS: Final = topics.EVALUATOR_GROUP
_GROUPS: Final = {
    EVALUATORS: (topics.INTERACTIONS,),
    **{topics.executor_group(name): (topics.commands(name),) for name in topics.EXECUTORS},
    topics.HISTORY_GROUP: (topics.INTERACTIONS, topics.DECISIONS, topics.DEAD_LETTERS),
}
_TIMEOUT_S: Final = 10.0

Offsets = dict[TopicPartition, int]


async def drained(settings: Kafka, database_url: str, deadline_s: float) -> None:
    """Return when nothing is under way: what is there then, stays."""
    reader = kafka.consumer(settings, client_id="test-drain", isolation="read_uncommitted")
    async with kafka.running(reader), admin(settings) as client:

        async def quiet() -> bool:
            ends = await _ends(reader, settings)
            lags = {group: await _lag(client, settings, group, ends) for group in _GROUPS}
            behind = {group: records for group, records in lags.items() if records}
            waiting = await _waiting(database_url)
            assert not behind, f"records behind: {behind}, outbox: {waiting}"
            assert not waiting, f"rows in the outbox, and deliveries that wait for nobody: {waiting}"
            return await _ends(reader, settings) == ends

        await eventually(quiet, deadline_s, poll_s=0.2)


async def lags(settings: Kafka) -> dict[str, int]:
    """Return how many records each group has not settled yet."""
    reader = kafka.consumer(settings, client_id="test-drain", isolation="read_uncommitted")
    async with kafka.running(reader), admin(settings) as client:
        ends = await _ends(reader, settings)
        return {group: await _lag(client, settings, group, ends) for group in _GROUPS}


async def lag(settings: Kafka, group: str) -> int:
    """Return how many records a group has not settled yet."""
    reader = kafka.consumer(settings, client_id="test-drain", isolation="read_uncommitted")
    async with kafka.running(reader), admin(settings) as client:
        return await _lag(client, settings, group, await _ends(reader, settings))


async def _lag(client: AIOKafkaAdminClient, settings: Kafka, group: str, ends: Offsets) -> int:
    committed = await client.list_consumer_group_offsets(settings.group(group))
    read = {settings.topic(name) for name in _GROUPS[group]}
    return sum(end - _offset(committed, part) for part, end in ends.items() if part.topic in read)


async def log_size(settings: Kafka) -> int:
    """Return how many records the log of interactions has."""
    reader = kafka.consumer(settings, client_id="test-drain", isolation="read_uncommitted")
    async with kafka.running(reader):
        ends = await _ends(reader, settings)
    return sum(end for part, end in ends.items() if part.topic == settings.topic(topics.INTERACTIONS))


def _offset(committed: "dict[TopicPartition, object]", part: TopicPartition) -> int:
    return max(getattr(committed.get(part), "offset", 0), 0)


async def _ends(reader: AIOKafkaConsumer, settings: Kafka) -> Offsets:
    parts = []
    for name in dict.fromkeys(name for names in _GROUPS.values() for name in names):
        topic = settings.topic(name)
        cluster = await reader._client.fetch_all_metadata()
        parts += [TopicPartition(topic, number) for number in cluster.partitions_for_topic(topic) or ()]
    ends: Offsets = await reader.end_offsets(parts)
    return ends


async def _waiting(database_url: str) -> int:
    connection = await asyncpg.connect(database_url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
    try:
        due = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM deliveries WHERE waits = 0)"
        return int(await connection.fetchval(due))
    finally:
        await connection.close(timeout=_TIMEOUT_S)
