"""The definitions topic as this process knows it: every list version, and when the next one arrives.

A record that cannot be read becomes a dead letter and changes nothing: whatever cites it waits, and says so.
"""

import asyncio
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from core.definitions import Definitions, VersionUnknown
from core.records import Refused, json_object
from schemas import topics
from services.chassis.tail import TopicTail
from services.evaluator.evaluation import Evaluated, refuse
from services.evaluator.publishing import Publisher

_PARTITION: Final = 0

log = structlog.get_logger()


class DefinitionsFeed:
    """Takes the topic's records in. `refused_max` bounds the dead letters that wait to be sent; more are only logged."""

    def __init__(self, definitions: Definitions, refused_max: int) -> None:
        self._definitions = definitions
        self._refused: asyncio.Queue[Evaluated] = asyncio.Queue(refused_max)
        self.arrived = asyncio.Event()
        """Set after each record."""

    def take(self, record: ConsumerRecord) -> None:
        """Take one record in."""
        try:
            self._definitions.apply(json_object(record.value))
        except Refused as refused:
            log.warning("definition_refused", offset=record.offset, reason=refused.reason, error=refused.error)
            self._keep(record, refused)
        self.arrived.set()

    def _keep(self, record: ConsumerRecord, refused: Refused) -> None:
        letter = Evaluated(next=record.offset + 1)
        refuse(record, topics.DEFINITIONS, refused, letter)
        if not self._refused.full():
            self._refused.put_nowait(letter)

    async def send_refused(self, publisher: Publisher) -> None:
        """Send the dead letters, until cancelled."""
        while True:
            await publisher.publish(_PARTITION, await self._refused.get())


class KnownVersions:
    """What the intake asks about versions."""

    def __init__(
        self, definitions: Definitions, feed: DefinitionsFeed, tail: TopicTail, *, catch_up_timeout_s: float
    ) -> None:
        self._definitions, self._feed, self._tail = definitions, feed, tail
        self._catch_up_timeout_s = catch_up_timeout_s

    def knows(self, unknown: VersionUnknown) -> bool:
        """Tell whether the version has arrived, usable or not."""
        try:
            self._definitions.list(unknown.asset_id, unknown.version)
        except VersionUnknown:
            return False
        except Refused:
            return True
        return True

    async def arrives(self, unknown: VersionUnknown) -> bool:
        """Read up to the topic's present end, within a moment, and tell whether the version is there."""
        if not self.knows(unknown):
            try:
                await self._tail.catch_up(self._catch_up_timeout_s)
            except TimeoutError:
                log.warning("definitions_behind", timeout_s=self._catch_up_timeout_s)
        return self.knows(unknown)

    async def changed(self) -> None:
        """Wait until a definition arrives."""
        await self._feed.arrived.wait()
        self._feed.arrived.clear()
