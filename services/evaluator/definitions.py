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
from services.evaluator.evaluation import Evaluated, end_replay, refuse
from services.evaluator.publishing import Publisher

_PARTITION: Final = 0

log = structlog.get_logger()


class DefinitionsFeed:
    """Takes the topic's records in. `letters_max` bounds what waits to be told of dead letters; more is only logged."""

    def __init__(self, definitions: Definitions, letters_max: int) -> None:
        self._definitions = definitions
        self._letters: asyncio.Queue[Evaluated] = asyncio.Queue(letters_max)
        self.arrived = asyncio.Event()
        """Set after each record."""

    def take(self, record: ConsumerRecord) -> None:
        """Take one record in."""
        told = Evaluated(next=record.offset + 1)
        try:
            self._definitions.apply(json_object(record.value))
        except Refused as refused:
            log.warning("definition_refused", offset=record.offset, reason=refused.reason, error=refused.error)
            refuse(record, topics.DEFINITIONS, refused, told)
        else:
            end_replay(record, told)
        if told.outputs and not self._letters.full():
            self._letters.put_nowait(told)
        self.arrived.set()

    async def send_letters(self, publisher: Publisher) -> None:
        """Send what there is to tell of dead letters, until cancelled."""
        while True:
            await publisher.publish(_PARTITION, await self._letters.get())


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
