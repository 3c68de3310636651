"""A broker in memory: logs, groups with generations, the evaluator's states behind their fences.

It keeps what brokers promise: an acknowledged record is there, in order, once; one that was not acknowledged is there or not. A
member that was taken for dead goes on with what it had until it notices, and can commit nothing.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from schemas import topics
from services.chassis.errors import RetryableError
from tests.simulation.processes import Life
from tests.simulation.virtual import at_most

PARTITIONS: Final = 2
_REJOIN_S: Final = 0.2
_BACKOFF_S: Final = 0.1


class Record(NamedTuple):
    """A record of a log."""

    offset: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int = 0
    timestamp: int = 0


def partition_of(key: str) -> int:
    """Return where a key's records are."""
    return int(key[-1], 16) % PARTITIONS


class Member(Protocol):
    """What a group knows of a member."""

    life: Life

    async def revoked(self) -> None:
        """Give up what it has."""
        ...

    async def assigned(self, partitions: Collection[int]) -> None:
        """Take these over."""
        ...


class Group:
    """The members of one group. Rebalances come one after the other; who is held or dead is left out."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.committed: Counter[int] = Counter()
        self.members: list[Member] = []
        self.shares: dict[int, Member] = {}
        self._changing = asyncio.Lock()

    def owns(self, member: Member, partition: int) -> bool:
        """Tell whether the partition is this member's as the group sees it."""
        return self.shares.get(partition) is member

    async def join(self, member: Member) -> None:
        """Let a member in, or again."""
        if member not in self.members:
            self.members.append(member)
        await self.rebalance()

    async def rebalance(self) -> None:
        """Share the partitions anew among who answers. It is the broker's doing: it goes on when who asked for it is gone."""
        await asyncio.shield(self._rebalanced())

    async def _rebalanced(self) -> None:
        async with self._changing:
            before = {id(member) for member in self.shares.values()}
            self.members = [member for member in self.members if member.life.alive and not member.life.held]
            await _all(member.revoked() for member in self.members if id(member) in before)
            self.members = [member for member in self.members if member.life.alive]
            turn = self._random.randrange(PARTITIONS)  # a partition may come back to who had it, or go to the other one
            self.shares = {
                number: self.members[(number + turn) % len(self.members)]
                for number in range(PARTITIONS)
                if self.members
            }
            for member in self.members:
                mine = [number for number, owner in self.shares.items() if owner is member]
                await _all([member.assigned(mine)])


async def _all(works: Iterable[Any]) -> None:
    """Wait for members; one that dies at it is no matter to the others."""
    await asyncio.gather(*works, return_exceptions=True)


_CHECKPOINTS_LOST: Final = (0.02, 0.06, 0.3)
"""The share that fails, or of which nobody can say, by schedule: seldom and often lead to different places."""


class Broker:
    """Topics by name, without a prefix, each with the same partitions."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.up = True
        self.faulty = True
        self.logs: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.groups: dict[str, Group] = defaultdict(lambda: Group(random))
        self.states: dict[int, dict[bytes, bytes]] = defaultdict(dict)
        self.positions: dict[int, Any] = {}
        self.fences: Counter[int] = Counter()
        self.checkpoints_lost = random.choice(_CHECKPOINTS_LOST)
        self.breaches: list[str] = []
        """What the readers did that they must not."""
        self._waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)

    def strikes(self, probability: float) -> bool:
        """Draw whether something goes wrong here."""
        return self.faulty and self._random.random() < probability

    def append(self, topic: str, partition: int, records: Iterable[tuple[bytes, bytes, Any]]) -> None:
        """Append, acknowledged or not."""
        log = self.logs[topic, partition]
        for key, value, headers in records:
            log.append(Record(len(log), key, value, headers, partition))
        self.wake(topic)

    def wake(self, topic: str) -> None:
        """Let whoever waits for more of a topic look again."""
        for waiting in self._waiting.pop(topic, ()):
            if not waiting.done():
                waiting.set_result(None)

    async def more(self, topic: str, most_s: float) -> None:
        """Wait until there may be more, or so long."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[topic].append(waiting)
        await at_most(waiting, most_s)

    async def send(self, life: Life, topic: str, partition: int, records: Sequence[tuple[bytes, bytes, Any]]) -> None:
        """Append and acknowledge. Raises RetryableError when it is unknown whether it is there, or a part of it."""
        await life.boundary()
        if not self.up:
            raise RetryableError("the broker is away")
        if self.strikes(0.02):
            self.append(topic, partition, records[: self._random.randint(0, len(records))])
            raise RetryableError("the acknowledgement was lost")
        self.append(topic, partition, records)
        await life.boundary()

    async def fetch(self, life: Life, topic: str, partition: int, offset: int, most: int) -> Sequence[Record]:
        """Return what follows; nothing while the broker is away."""
        await life.boundary()
        return self.logs[topic, partition][offset : offset + most] if self.up else ()

    def log_of(self, topic: str) -> list[Record]:
        """Return all records of a topic, partition by partition."""
        return [record for number in range(PARTITIONS) for record in self.logs[topic, number]]

    def behind(self) -> bool:
        """Tell whether a group has not come to the end of what it reads."""
        return any(
            group.committed[number] < len(self.logs[topic, number])
            for name, group in self.groups.items()
            for topic in (_TOPIC_OF[name],)
            for number in range(PARTITIONS)
        )


_TOPIC_OF: Final = {
    topics.EVALUATOR_GROUP: topics.INTERACTIONS,
    **{topics.executor_group(name): topics.commands(name) for name in topics.RECORD_EXECUTORS},
}


class Reader:
    """A member's consumer, as the executors' runtime uses one."""

    def __init__(self, broker: Broker, life: Life, group: str) -> None:
        self.life, self._broker, self._group = life, broker, broker.groups[group]
        self._topic = _TOPIC_OF[group]
        self._listener: Any = None
        self._places: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._connection = asyncio.Lock()

    def subscribe(self, _topics: Sequence[str], *, listener: Any) -> None:
        """Be told of rebalances."""
        self._listener = listener

    async def start(self) -> None:
        """Join the group."""
        await self._group.join(self)

    async def stop(self) -> None:
        """Leave the group."""

    async def revoked(self) -> None:
        """Give up what it has."""
        await self.life.boundary()
        await self._listener.on_partitions_revoked(list(self._places))
        self._places = {}

    async def assigned(self, partitions: Collection[int]) -> None:
        """Go on where the group has committed."""
        await self.life.boundary()
        self._places = {TopicPartition(self._topic, number): self._group.committed[number] for number in partitions}
        self._listener.on_partitions_assigned(list(self._places))
        self._broker.wake(self._topic)

    def assignment(self) -> set[TopicPartition]:
        """Return what it believes to have."""
        return set(self._places)

    def paused(self) -> set[TopicPartition]:
        """Return what is held."""
        return set(self._paused)

    def pause(self, *parts: TopicPartition) -> None:
        """Hold these."""
        self._paused |= set(parts)

    def resume(self, *parts: TopicPartition) -> None:
        """Let these come."""
        self._paused -= set(parts)

    def seek(self, part: TopicPartition, offset: int) -> None:
        """Go on from there."""
        self._places[part] = offset

    async def getmany(
        self, *parts: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Record]]:
        """Return what is next, or nothing after a while."""
        found: dict[TopicPartition, Sequence[Record]] = {}
        for part in parts:
            place = self._places.get(part)
            if place is not None and part not in self._paused:
                records = await self._broker.fetch(self.life, self._topic, part.partition, place, max_records)
                if records and self._places.get(part) == place:
                    self._places[part] = records[-1].offset + 1
                    found[part] = records
        if not found:
            await self._broker.more(self._topic, timeout_ms / 1000)
            await self.life.boundary()
            await self._rejoin()
        return found

    async def _rejoin(self) -> None:
        """Notice that the group went on without this member."""
        if self not in self._group.members:
            await asyncio.sleep(_REJOIN_S)
            self._places = {}
            await self._listener.on_partitions_revoked([])
            await self._group.join(self)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Keep where it is, and try again by itself, as aiokafka does: others may come in between. Raises CommitFailedError for
        what is another's."""
        while True:
            if await self._committed(offsets):
                return
            await asyncio.sleep(_BACKOFF_S)

    async def _committed(self, offsets: Mapping[TopicPartition, int]) -> bool:
        async with self._connection:  # one request after the other, as they were made
            await self.life.boundary()
            if not all(self._group.owns(self, part.partition) for part in offsets):
                raise CommitFailedError
            if not self._broker.up or self._broker.strikes(0.4):
                return False
            for part, offset in offsets.items():
                self._group.committed[part.partition] = offset
            await self.life.boundary()
            return True
