"""What a restarted broker must read before it coordinates its groups again stays small, however often they commit."""

from pathlib import Path
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import NewTopic

from deploy.topic_states import offsets_segment_bytes
from deploy.topics import admin
from services.chassis import kafka
from services.chassis.settings import Kafka
from tests.support.eventually import eventually
from tests.support.servers import RunningKafka

_PARTITIONS: Final = 200
_COMMITS: Final = 500
_ENOUGH_BYTES: Final = 3 * 1024 * 1024
"""The segment that is written to, and one that is not compacted yet; without compaction there would be twice as much."""


async def test_the_offsets_log_is_compacted_before_a_restart_would_take_seconds_to_read_it(
    own_kafka: RunningKafka,
) -> None:
    settings = Kafka(bootstrap=own_kafka.bootstrap)
    async with admin(settings) as client:
        await client.create_topics([NewTopic("commands", _PARTITIONS, 1)])
        assert await offsets_segment_bytes(client) is None
    parts = [TopicPartition("commands", number) for number in range(_PARTITIONS)]
    reader = kafka.consumer(settings, client_id="test", isolation="read_committed", group="executor")
    async with kafka.running(reader):
        reader.assign(parts)
        for offset in range(_COMMITS):
            await reader.commit(dict.fromkeys(parts, offset))
    async with admin(settings) as client:
        assert await offsets_segment_bytes(client) == 1024 * 1024
    log = own_kafka.server.folder / "log"
    await eventually(lambda: 0 < max(map(_size, log.glob("__consumer_offsets-*"))) < _ENOUGH_BYTES, 60, poll_s=0.5)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.log"))
