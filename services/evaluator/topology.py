"""What must be true of the broker's topics before anything is evaluated."""

from collections.abc import Mapping
from typing import Final

from aiokafka import AIOKafkaProducer

from schemas import topics
from services.chassis.settings import Kafka

_KEYED: Final = tuple(topic.name for topic in topics.ALL if topic.keyed)


class TopologyError(Exception):
    """The topics are not as they must be."""


async def check(settings: Kafka, producer: AIOKafkaProducer) -> int:
    """Return the partition count that all keyed topics share, for output partition = input partition. Raises TopologyError."""
    cluster = await producer.client.fetch_all_metadata()
    counts = {name: len(cluster.partitions_for_topic(settings.topic(name)) or ()) for name in _KEYED}
    return _one_count(counts)


def _one_count(counts: Mapping[str, int]) -> int:
    missing = sorted(name for name, count in counts.items() if count == 0)
    if missing:
        raise TopologyError(f"topics are missing: {', '.join(missing)}")
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        raise TopologyError(f"keyed topics must have the same number of partitions: {shown}")
    return counts[topics.INTERACTIONS]
