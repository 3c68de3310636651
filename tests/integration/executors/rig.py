"""An executor's process under test: commands on its topic, and what must have become of them."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from aiokafka import AIOKafkaProducer

from core.fold import fold
from schemas.dead_letters import REPLAY_HEADER
from schemas.topics import commands as commands_topic
from services.chassis.settings import Kafka
from tests.integration.executors.bench import Bench, command
from tests.integration.executors.cases import Case
from tests.support.eventually import eventually


class Rig:
    """One executor's topic, and the record that its process writes."""

    def __init__(
        self, case: Case, bench: Bench, kafka: Kafka, producer: AIOKafkaProducer, prospects: list[UUID]
    ) -> None:
        self.case, self.bench, self.prospects = case, bench, prospects
        self._kafka, self._producer = kafka, producer
        self.sent: list[tuple[UUID, int]] = []

    async def send(self, count: int) -> None:
        """Send the next commands, in turn to each prospect."""
        documents = []
        for _ in range(count):
            number, place = divmod(len(self.sent), len(self.prospects))
            prospect_id = self.prospects[place]
            self.sent.append((prospect_id, number))
            documents.append(command(prospect_id, self.case.type, self.case.effective(number), len(self.sent)))
        await self.send_documents(documents)

    async def send_documents(
        self, documents: Sequence[dict[str, Any]], replay_of: UUID | None = None, executor: str | None = None
    ) -> None:
        """Send commands as they are, keyed by their prospect; as the replay of a dead letter, or to another executor, if
        that is given."""
        headers = [] if replay_of is None else [(REPLAY_HEADER, str(replay_of).encode())]
        topic = self._topic(executor or self.case.executor)
        sent = [
            await self._producer.send(topic, orjson.dumps(d), key=d["prospect_id"].encode(), headers=headers)
            for d in documents
        ]
        await asyncio.gather(*sent)

    async def send_bytes(self, value: bytes | None, key: UUID) -> None:
        """Send any record to a prospect's partition."""
        await self._producer.send_and_wait(self._topic(self.case.executor), value, key=str(key).encode())

    def _topic(self, executor: str) -> str:
        return self._kafka.topic(commands_topic(executor))

    async def settled(self) -> bool:
        """Tell whether the ledger has every command."""
        return len(await self.bench.ledger()) >= len(self.sent)

    async def expect_exactly_once(self) -> None:
        """Wait until all is settled, then check that every effect is in the record once and in order."""
        await eventually(self.settled, 30)
        blank = await self.bench.values(await self.bench.prospect())
        for prospect_id in self.prospects:
            expected, numbers = blank, [number for owner, number in self.sent if owner == prospect_id]
            for number in numbers:
                expected = fold(expected, self.case.type, self.case.effective(number))
            assert await self.bench.values(prospect_id) == expected
            assert len(await self.bench.snapshots(prospect_id)) == 1 + len(numbers)
        assert set((await self.bench.ledger()).values()) == {("done", None)}
