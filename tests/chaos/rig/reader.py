"""Reads the topics of commands along with the executors, and watches what these have committed."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.topics import admin
from schemas import topics
from schemas.topics import EXECUTORS
from services.chassis import kafka
from services.chassis.settings import Kafka
from tests.chaos.model.sent import Sent
from tests.support.eventually import eventually

_SAMPLE_S: Final = 1.0
_TIMEOUT_S: Final = 10.0
_CAUGHT_UP_S: Final = 30.0
_AWAY: Final = (KafkaError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Reader:
    """What stands in the topics of commands since the last `forget`. `early` are offsets that were committed too early."""

    def __init__(self, settings: Kafka, database_url: str) -> None:
        self._settings, self._database_url = settings, database_url
        self._names = {settings.topic(topics.commands(name)): name for name in EXECUTORS}
        self._positions: dict[TopicPartition, int] = {}
        self._ids: dict[TopicPartition, dict[int, str]] = defaultdict(dict)
        self._looked: dict[TopicPartition, int] = {}
        self.sent = Sent()
        self.early: list[str] = []
        self.checked = 0
        """Committed commands that were looked for in the ledger: where there were none, nothing was checked."""

    def forget(self) -> None:
        """Begin anew, behind what was read."""
        self.sent, self.early, self.checked = Sent(), [], 0

    async def follow(self) -> None:
        """Read on, until cancelled."""
        reader = kafka.consumer(self._settings, client_id="rig-reader", isolation="read_committed")
        async with kafka.running(reader):
            parts = [TopicPartition(topic, part) for topic in self._names for part in await _partitions(reader, topic)]
            reader.assign(parts)
            while True:
                for part, records in (await reader.getmany(timeout_ms=200)).items():
                    for record in records:
                        self._read(part, record.offset, record.value)
                    self._positions[part] = records[-1].offset + 1

    def _read(self, part: TopicPartition, offset: int, value: bytes | None) -> None:
        try:
            command: Any = json.loads(value or b"")
            command_id, prospect_id = str(command["id"]), str(command["prospect_id"])
        except (ValueError, KeyError, TypeError):
            return  # poison
        self._ids[part][offset] = command_id
        self.sent.note(self._names[part.topic], prospect_id, command_id, hashlib.sha256(value or b"").digest())

    async def caught_up(self) -> None:
        """Return when everything that is in the topics now was read."""
        reader = kafka.consumer(self._settings, client_id="rig-reader", isolation="read_committed")
        async with kafka.running(reader):
            parts = [TopicPartition(topic, part) for topic in self._names for part in await _partitions(reader, topic)]
            reader.assign(parts)
            ends = await reader.end_offsets(parts)

        def read() -> bool:
            missing = {part: end for part, end in ends.items() if self._positions.get(part, 0) < end}
            assert not missing, f"not read yet: {missing}"
            return True

        await eventually(read, _CAUGHT_UP_S)
        await self._sample()

    async def watch(self) -> None:
        """Look again and again whether a group has committed what is not settled: I14. Until cancelled."""
        while True:
            with suppress(*_AWAY):
                async with asyncio.timeout(_TIMEOUT_S):
                    await self._sample()
            await asyncio.sleep(_SAMPLE_S)

    async def _sample(self) -> None:
        async with admin(self._settings) as client:
            committed: dict[TopicPartition, Any] = {}
            for name in EXECUTORS:
                committed |= await client.list_consumer_group_offsets(self._settings.group(topics.executor_group(name)))
        owed: dict[str, tuple[TopicPartition, int]] = {}
        reached: dict[TopicPartition, int] = {}
        for part, told in committed.items():
            known = self._ids[part]
            since = self._looked.get(part, 0)
            reached[part] = min(told.offset, self._positions.get(part, 0))
            owed |= {known[offset]: (part, offset) for offset in range(since, reached[part]) if offset in known}
        self.checked += len(owed)
        there = await self._in_ledger(list(owed)) if owed else set()
        self.early += [f"I14 {part.topic} {part.partition}: offset {offset} was committed before command {command_id} was settled"
                       for command_id, (part, offset) in owed.items() if command_id not in there]  # fmt: skip
        self._looked |= {part: max(offset, self._looked.get(part, 0)) for part, offset in reached.items()}
        for part, offset in self._looked.items():
            for read in [each for each in self._ids[part] if each < offset]:
                del self._ids[part][read]

    async def _in_ledger(self, ids: list[str]) -> set[str]:
        connection = await asyncpg.connect(self._database_url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
        try:
            rows = await connection.fetch(
                "SELECT command_id::text AS id FROM command_ledger WHERE command_id = ANY($1::text[]::uuid[])", ids
            )
        finally:
            await connection.close(timeout=_TIMEOUT_S)
        return {row["id"] for row in rows}


@asynccontextmanager
async def reading(settings: Kafka, database_url: str) -> AsyncIterator[Reader]:
    """Read and watch inside the body."""
    reader = Reader(settings, database_url)
    tasks = [asyncio.ensure_future(reader.follow()), asyncio.ensure_future(reader.watch())]
    try:
        yield reader
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _partitions(reader: AIOKafkaConsumer, topic: str) -> list[int]:
    cluster = await reader._client.fetch_all_metadata()
    return sorted(cluster.partitions_for_topic(topic) or ())
