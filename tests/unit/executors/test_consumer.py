"""What an executor commits, and when it does not."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from services.chassis.settings import Kafka
from services.executors.runtime.consumer import CommandConsumer
from services.executors.settings import Executors

PART = TopicPartition("finish.commands.tags.v1", 0)


class Member:
    """A member of a group whose commits fail as long as `failing` says so."""

    def __init__(self) -> None:
        self.committed: list[dict[TopicPartition, int]] = []
        self.failing: Any = None

    def assignment(self) -> set[TopicPartition]:
        return {PART}

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.failing is not None:
            await self.failing()
            raise CommitFailedError
        self.committed.append(offsets)


@pytest.fixture
def consumer() -> CommandConsumer:
    executor: Any = SimpleNamespace(name="tags", topic="finish.commands.tags.v1", group="tags")
    pipeline: Any = None
    subject = CommandConsumer(executor, pipeline, Kafka(), Executors(), lambda: False)
    subject._settled[PART] = subject._uncommitted[PART] = 5
    return subject


async def test_a_commit_that_failed_is_tried_again_for_what_is_settled_by_then(consumer: CommandConsumer) -> None:
    member: Any = Member()

    async def settled_more() -> None:
        consumer._settled[PART] = 9

    member.failing = settled_more
    await consumer._commit(member)
    member.failing = None
    await consumer._commit(member)
    assert member.committed == [{PART: 9}]


async def test_a_commit_waits_for_the_one_before_it_which_would_take_it_back_otherwise(
    consumer: CommandConsumer,
) -> None:
    """aiokafka tries a commit again by itself, with the offsets of then; the broker keeps what comes last."""
    loaded, waiting = asyncio.Event(), asyncio.Event()

    class Loading(Member):
        async def commit(self, offsets: dict[TopicPartition, int]) -> None:
            if not self.committed and not waiting.is_set():
                waiting.set()
                await loaded.wait()
            await super().commit(offsets)

    member: Any = Loading()
    older = asyncio.create_task(consumer._commit(member))
    await waiting.wait()
    consumer._settled[PART] = consumer._uncommitted[PART] = 9
    newer = asyncio.create_task(consumer._commit(member))
    await asyncio.sleep(0)
    loaded.set()
    await asyncio.gather(older, newer)
    assert member.committed == [{PART: 5}, {PART: 9}]


async def test_a_commit_that_failed_because_partitions_moved_is_not_tried_again(consumer: CommandConsumer) -> None:
    """They may have come back meanwhile: whoever had them in between has gone on behind that offset."""
    member: Any = Member()

    async def partitions_move() -> None:
        await consumer.on_partitions_revoked([PART])

    member.failing = partitions_move
    await consumer._commit(member)
    member.failing = None
    await consumer._commit(member)
    assert member.committed == []


async def test_a_batch_that_is_settled_after_a_rebalance_moves_no_offset(consumer: CommandConsumer) -> None:
    """Its partitions may be another member's by then, or have come back from one that went further."""

    class Moving:
        async def settle(self, _entries: Any) -> None:
            await consumer.on_partitions_revoked([PART])

    pipeline: Any = Moving()
    consumer._pipeline = pipeline
    await consumer._settle([], {PART: 9}, consumer._round)
    member: Any = Member()
    await consumer._commit(member)
    assert (consumer._settled, member.committed) == ({}, [])


async def test_each_lane_reads_its_own_partitions_and_all_are_read(consumer: CommandConsumer) -> None:
    asked: list[set[int]] = []

    class Reader:
        def assignment(self) -> set[TopicPartition]:
            return {TopicPartition(PART.topic, number) for number in range(5)}

        async def getmany(self, *partitions: TopicPartition, **_: int) -> dict[TopicPartition, list[Any]]:
            asked.append({part.partition for part in partitions})
            return {}

    reader: Any = Reader()
    for lane in range(Executors().lanes):
        await consumer._fetch(reader, lane)
    assert asked == [{0, 2, 4}, {1, 3}]


async def test_a_lane_without_partitions_reads_none_instead_of_all(consumer: CommandConsumer) -> None:
    class Reader:
        def assignment(self) -> set[TopicPartition]:
            return {PART}

        async def getmany(self, *_: TopicPartition, **__: int) -> dict[TopicPartition, list[Any]]:
            raise AssertionError("asked without partitions it would read those of the other lanes")

    reader: Any = Reader()
    assert await consumer._fetch(reader, 1) == {}
