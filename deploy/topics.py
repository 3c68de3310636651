"""Make the topics that `schemas.topics` declares, and refuse a broker whose topics differ in what correctness needs.

Creating is idempotent. What exists is never altered: retention may be tuned by operators, while the partition count
(output partition = input partition) and the clean-up policy must be as declared (`deploy.topic_states`).

    python -m deploy.topics
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from pydantic import Field, PositiveInt

from deploy.errors import DeployError, run_or_explain
from deploy.topic_states import TopicState, topic_states
from schemas import topics as declared
from services.chassis.kafka import connection
from services.chassis.settings import Concern, Kafka, ServiceSettings, load

_DEADLINE_S: Final = 60.0
_POLL_S: Final = 0.05


class Topics(Concern):
    """How the topics of a new deployment are made; -1 replicas: as the broker's default says."""

    keyed_partitions: PositiveInt = declared.KEYED_PARTITIONS
    replicas: int = Field(default=-1, ge=-1)


class TopicSettings(ServiceSettings):
    """The settings of this command, `FA_TOPICS__*` beside `FA_KAFKA__*`."""

    name = "topics"
    topics: Topics = Field(default_factory=Topics)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Which topics were made, and how each declared one is now."""

    created: tuple[str, ...]
    states: tuple[TopicState, ...]


async def prepare(kafka: Kafka, topics: Topics | None = None) -> Prepared:
    """Create what is missing, wait until all can be written, and tell how each is.

    Raises DeployError when the broker refuses or does not answer within a minute.
    """
    wanted = topics or Topics()
    names = [kafka.topic(topic.name) for topic in declared.ALL]
    try:
        async with asyncio.timeout(_DEADLINE_S), admin(kafka) as client:
            created = await _create(client, kafka, wanted)
            while not await _led(client, names):  # noqa: ASYNC110 - the broker can only be asked
                await asyncio.sleep(_POLL_S)
            return Prepared(created, await topic_states(client, kafka, wanted.keyed_partitions))
    except (KafkaError, OSError, TimeoutError) as exc:
        raise DeployError(
            f"Kafka at {kafka.bootstrap} could not be prepared: {str(exc) or type(exc).__name__}"
        ) from exc


async def apply(kafka: Kafka, topics: Topics | None = None) -> tuple[str, ...]:
    """Prepare the topics and return the created names. Raises DeployError when one differs, too."""
    prepared = await prepare(kafka, topics)
    for state in prepared.states:
        if state.problem is not None:
            raise DeployError(state.problem)
    return prepared.created


async def remove(kafka: Kafka) -> None:
    """Delete every declared topic under this prefix: for tests, and for taking a workspace down."""
    async with asyncio.timeout(_DEADLINE_S), admin(kafka) as client:
        await client.delete_topics([kafka.topic(topic.name) for topic in declared.ALL])


@asynccontextmanager
async def admin(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    """Run an admin client. Its complaints while the broker is not up yet are not logged: the caller waits and tells."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    client = AIOKafkaAdminClient(**connection(kafka))
    try:
        await client.start()
        yield client
    finally:
        await client.close()


async def _create(client: AIOKafkaAdminClient, kafka: Kafka, wanted: Topics) -> tuple[str, ...]:
    there = set(await client.list_topics())
    missing = [
        _new(kafka.topic(topic.name), topic, wanted) for topic in declared.ALL if kafka.topic(topic.name) not in there
    ]
    if not missing:
        return ()
    response = await client.create_topics(missing)
    for name, code, *rest in response.topic_errors:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):
            raise DeployError(f"Kafka refused to make the topic {name}: {error.__name__} {rest[0] if rest else ''}")
    return tuple(topic.name for topic in missing)


def _new(name: str, topic: declared.Topic, wanted: Topics) -> NewTopic:
    partitions = wanted.keyed_partitions if topic.keyed else 1
    new = NewTopic(name=name, num_partitions=partitions, replication_factor=1, topic_configs=topic.config)
    new.replication_factor = wanted.replicas  # the constructor refuses -1, the protocol (KIP-464) does not
    return new


async def _led(client: AIOKafkaAdminClient, names: Sequence[str]) -> bool:
    for topic in await client.describe_topics(list(names)):
        error = for_code(topic["error_code"])
        if not issubclass(error, (NoError, UnknownTopicOrPartitionError, LeaderNotAvailableError)):
            raise DeployError(f"Kafka does not show the topic {topic['topic']}: {error.__name__}")
        if error is not NoError or any(partition["leader"] < 0 for partition in topic["partitions"]):
            return False
    return True


async def _main() -> None:
    settings = load(TopicSettings)
    created = await apply(settings.kafka, settings.topics)
    print(f"{len(created)} topics made, {len(declared.ALL)} as declared")


if __name__ == "__main__":
    sys.exit(run_or_explain(_main()))
