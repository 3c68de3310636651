import asyncio
from collections.abc import Mapping

import pytest

from core.definitions import VersionUnknown
from services.evaluator.checkpoints import CheckpointError, Position
from services.evaluator.lanes import BrokenChainError
from tests.support.eventually import eventually
from tests.support.toy_machine import ToyMachine, ToyStep
from tests.unit.evaluator.lanes import ManualClock, Sent, frame, lane


async def test_a_lane_takes_frames_of_its_seek_only_while_it_is_live() -> None:
    subject = lane(Sent(), ManualClock())

    assert not await subject.feed(1, frame(10, 5))
    subject.go_live(1)
    assert not await subject.feed(0, frame(10, 5))
    assert await subject.feed(1, frame(10, 5))
    subject.live = False
    assert not await subject.feed(1, frame(15, 5))
    assert subject.next == 15


@pytest.mark.parametrize("start", [9, 11])
async def test_a_frame_that_does_not_continue_the_chain_is_not_believed(start: int) -> None:
    subject = lane(Sent(), ManualClock())
    subject.go_live(1)

    with pytest.raises(BrokenChainError, match=f"expected 10, got {start}"):
        await subject.feed(1, frame(start, 5))
    assert subject.next == 10


async def test_evaluation_runs_ahead_by_a_few_frames_and_no_further() -> None:
    sent = Sent()
    subject = lane(sent, ManualClock())
    subject.go_live(1)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(subject.send())
        await subject.feed(1, frame(10, 5))
        await subject.feed(1, frame(15, 5))
        third = group.create_task(subject.feed(1, frame(20, 5)))
        await asyncio.sleep(0)
        assert (subject.next, subject.done) == (20, 10)

        sent.open.set()
        assert await third
        await eventually(lambda: subject.done == 25)
        sending.cancel()
    assert [run.next for run in sent.runs] == [15, 20, 25]


async def test_a_frame_that_waited_for_room_is_dropped_when_the_lane_was_lost_meanwhile() -> None:
    sent = Sent()
    subject = lane(sent, ManualClock())
    subject.go_live(1)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(subject.send())
        await subject.feed(1, frame(10, 5))
        await subject.feed(1, frame(15, 5))
        waiting = group.create_task(subject.feed(1, frame(20, 5)))
        await asyncio.sleep(0)
        subject.live = False
        sent.open.set()
        assert not await waiting
        sending.cancel()
    assert subject.next == 20


async def test_a_lane_stops_before_a_record_that_waits_and_continues_there() -> None:
    class Waiting(ToyMachine):
        known = False

        def step(
            self, state: object | None, key: bytes | None, value: bytes | None, offset: int, *, replayed: bool = False
        ) -> ToyStep:
            if offset == 12 and not self.known:
                raise VersionUnknown("asset", 3)
            return super().step(state, key, value, offset, replayed=replayed)

    machine = Waiting()
    subject = lane(Sent(), ManualClock(), machine)
    subject.go_live(1)
    records = frame(10, 5)

    await subject.feed(1, records)
    assert (subject.next, str(subject.waits_for)) == (12, "version 3 of the list of asset asset")

    machine.known = True
    await subject.feed(1, records[2:])
    assert (subject.next, subject.waits_for) == (15, None)


@pytest.mark.parametrize(("encoding_s", "interval_s"), [(0.0005, 0.2), (0.01, 1.0), (0.3, 5.0)])
async def test_the_more_a_checkpoint_cost_the_longer_the_next_one_gathers_up_to_a_bound(
    encoding_s: float, interval_s: float
) -> None:
    clock, sent = ManualClock(), Sent()

    class Slow(ToyMachine):
        def encode(self, state: object) -> bytes:
            clock.seconds += encoding_s
            return super().encode(state)

    subject = lane(sent, clock, Slow())
    subject.go_live(1)
    sent.open.set()
    await subject.feed(1, frame(10, 1))
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(subject.send())
        await eventually(lambda: subject.done == 11)
        sending.cancel()

    with pytest.raises(CheckpointError):  # there is no broker
        await subject.checkpoint()
    assert subject.interval_s() == pytest.approx(interval_s)


async def test_a_checkpoint_behind_one_that_failed_has_its_states_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by a simulated schedule: a rebalance asked whether the lane was still ours, got no answer, and the regular
    checkpoint right behind it covered the same records without their states."""
    sent = Sent()
    sent.open.set()
    subject = lane(sent, ManualClock())
    subject.go_live(1)
    tried: list[tuple[set[bytes], int]] = []

    async def write(states: Mapping[bytes, bytes], position: Position) -> None:
        tried.append((set(states), position.offset))
        if len(tried) == 1:
            raise CheckpointError("no answer in time")

    monkeypatch.setattr(subject.checkpoints, "write", write)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(subject.send())
        await subject.feed(1, frame(10, 5))
        await eventually(lambda: subject.done == 15)
        with pytest.raises(CheckpointError):
            await subject.checkpoint()
        await subject.feed(1, frame(15, 5))
        await eventually(lambda: subject.done == 20)
        await subject.checkpoint()
        sending.cancel()
    (first, _), (second, offset) = tried
    assert first
    assert second >= first
    assert offset == subject.saved == 20
