"""How the declared topics are on a broker: there or not, and as correctness needs them or not. And how the
groups' offsets are compacted. Nothing is changed."""

from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas import topics as declared
from services.chassis.settings import Kafka

_POLICY: Final = "cleanup.policy"
_SEGMENT_BYTES: Final = "segment.bytes"
_OFFSETS: Final = "__consumer_offsets"


@dataclass(frozen=True, slots=True)
class TopicState:
    """One declared topic as it is on the broker; no partitions: it is missing."""

    name: str
    keyed: bool
    partitions: int
    expected_partitions: int
    policy: str | None
    expected_policy: str

    @property
    def problem(self) -> str | None:
        """What is wrong with it, as a sentence; None: it is as declared."""
        if not self.partitions:
            return f"the topic {self.name} is missing"
        if self.partitions != self.expected_partitions:
            return (
                f"the topic {self.name} has {self.partitions} partitions, {self.expected_partitions} are needed: all "
                "keyed topics have the same count, which FA_TOPICS__KEYED_PARTITIONS names and which cannot change later"
            )
        if self.policy != self.expected_policy:
            return f"the topic {self.name} has {_POLICY}={self.policy}, {self.expected_policy} is needed"
        return None


async def topic_states(client: AIOKafkaAdminClient, kafka: Kafka, keyed_partitions: int) -> tuple[TopicState, ...]:
    """Return the state of every declared topic, in the order of their declaration."""
    names = [kafka.topic(topic.name) for topic in declared.ALL]
    counts = {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics(names)}
    configs = await _configs(client, [name for name in names if counts.get(name)])
    return tuple(
        TopicState(
            name,
            topic.keyed,
            counts.get(name, 0),
            keyed_partitions if topic.keyed else 1,
            configs.get(name, {}).get(_POLICY),
            topic.config[_POLICY],
        )
        for name, topic in zip(names, declared.ALL, strict=True)
    )


async def offsets_segment_bytes(client: AIOKafkaAdminClient) -> int | None:
    """Return how large a segment of the groups' offsets becomes before it is compacted; None: no group has committed yet, or
    who asks may not know."""
    told = (await _configs(client, [_OFFSETS])).get(_OFFSETS, {}).get(_SEGMENT_BYTES)
    return None if told is None else int(told)


async def _configs(client: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str | None]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    return {
        name: {key: value for key, value, *_ in entries}
        for response in await client.describe_configs(resources)
        for _code, _message, _kind, name, entries in response.resources
    }
