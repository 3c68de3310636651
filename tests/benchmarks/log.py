"""The log filled as fast as it goes, or at a pace, and how many records topics hold."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import topics
from services.chassis import kafka
from services.chassis.kafka_batches import Record, batches, send_batches
from services.chassis.partitioner import partition_for
from services.chassis.settings import Kafka
from tests.benchmarks.stage import PARTITIONS
from tests.benchmarks.workload import Keyed

_CHUNK: Final = 10_000
_TICK_S: Final = 0.002


async def publish(settings: Kafka, topic: str, records: Iterable[Keyed], *, partitions: int = PARTITIONS) -> None:
    """Send records, each to its key's partition, in large batches."""
    async with kafka.running(kafka.producer(settings, client_id="bench-fill")) as producer:
        for chunk in _chunks(iter(records)):
            shares: dict[int, list[Record]] = defaultdict(list)
            for key, value in chunk:
                shares[partition_for(key, partitions)].append((key, value, []))
            async with asyncio.TaskGroup() as group:
                for partition, share in shares.items():
                    packed = batches(settings, producer, share)
                    group.create_task(send_batches(settings, producer, settings.topic(topic), partition, packed))


def _chunks(records: Iterator[Keyed]) -> Iterator[list[Keyed]]:
    while chunk := list(islice(records, _CHUNK)):
        yield chunk


async def publish_paced(settings: Kafka, topic: str, records: Iterable[Keyed], per_s: float) -> int:
    """Send records one by one at this pace and return how many were sent; late ones are made up for at once."""
    loop, sent = asyncio.get_running_loop(), 0
    async with kafka.running(kafka.producer(settings, client_id="bench-pace")) as producer:
        began_s, waiting = loop.time(), []
        for sent, (key, value) in enumerate(records, 1):
            while loop.time() < began_s + sent / per_s:  # noqa: ASYNC110 - a pace is made of time
                await asyncio.sleep(_TICK_S)
            partition = partition_for(key, PARTITIONS)
            waiting.append(await producer.send(settings.topic(topic), value, key=key, partition=partition))
        await asyncio.gather(*waiting)
    return sent


class Counts:
    """Looks at the ends of topics: with neither transactions nor gaps these are counts."""

    def __init__(self, settings: Kafka, reader: AIOKafkaConsumer) -> None:
        self._settings, self._reader = settings, reader

    async def of(self, *names: str) -> int:
        """Return how many records these topics hold."""
        return sum((await self.by_topic(*names)).values())

    async def by_topic(self, *names: str) -> Counter[str]:
        """Return how many records each of these topics holds."""
        parts = {
            TopicPartition(self._settings.topic(name), number): name for name in names for number in range(PARTITIONS)
        }
        found: Counter[str] = Counter()
        for part, end in (await self._reader.end_offsets(list(parts))).items():
            found[parts[part]] += end
        return found

    async def commands(self) -> Counter[str]:
        """Return how many commands each executor was sent."""
        by_topic = await self.by_topic(*map(topics.commands, topics.EXECUTORS))
        return Counter({name: by_topic[topics.commands(name)] for name in topics.EXECUTORS})


@asynccontextmanager
async def counts(settings: Kafka) -> AsyncIterator[Counts]:
    """Open a reader that reads nothing but ends."""
    reader = kafka.consumer(settings, client_id="bench-counts", isolation="read_uncommitted")
    async with kafka.running(reader):
        await reader._client.fetch_all_metadata()  # else the first look at a topic waits for it
        yield Counts(settings, reader)
