import asyncio

import pytest
from aiokafka import TopicPartition

from core.definitions import VersionUnknown
from services.chassis.settings import Kafka
from services.evaluator.hydration import Hydration
from services.evaluator.lanes import Lane
from services.evaluator.ownership import Ownership
from services.evaluator.settings import Evaluator
from services.evaluator.watchdog import Watchdog
from tests.unit.evaluator.lanes import SOURCE, ManualClock, Sent, lane


class Member:
    """A member of the group, settled or not."""

    rebalancing = False
    rebalancing_count = 1


class Watched:
    """One live lane at offset 10, and the dog."""

    def __init__(self) -> None:
        self.clock, self.member = ManualClock(), Member()
        self.lane: Lane = lane(Sent(), self.clock)
        self.lane.go_live(1)
        self.ownership = Ownership(
            make_lane=lambda _: self.lane,
            hydration=Hydration(Kafka(), "states", poll_ms=1, epoch=0, state_format=1),
            tasks=asyncio.TaskGroup(),
            settle_timeout_s=1,
        )
        self.ownership.membership = self.member
        self.ownership.lanes[SOURCE] = self.lane
        self.dog = Watchdog(Evaluator(watchdog_s=30, rebalance_max_s=100), self.ownership, self.clock)

    def after(self, seconds: float, end: int = 11) -> str | None:
        self.clock.seconds += seconds
        return self.dog.verdict({SOURCE: end})


@pytest.fixture
async def watched() -> Watched:
    return Watched()


async def test_lag_without_a_checkpoint_for_too_long_ends_the_process(watched: Watched) -> None:
    assert watched.after(29) is None
    assert watched.after(2) == "partition 3: lag, and no checkpoint for 31 s"


async def test_without_lag_no_checkpoint_is_missed(watched: Watched) -> None:
    assert watched.after(1000, end=10) is None
    assert watched.after(29) is None


async def test_a_lane_that_waits_for_a_definition_is_not_to_blame(watched: Watched) -> None:
    watched.lane.live, watched.lane.waits_for = False, VersionUnknown("asset", 1)

    assert watched.after(1000) is None


async def test_a_lane_that_should_be_live_and_is_not_is_to_blame(watched: Watched) -> None:
    watched.lane.live = False

    assert watched.after(31) is not None


async def test_a_rebalance_may_take_its_time_but_not_for_ever(watched: Watched) -> None:
    watched.after(0)
    watched.member.rebalancing = True

    assert watched.after(99) is None
    assert watched.after(2) == "a rebalance has not ended for 100.0 s"


async def test_while_the_broker_is_away_nobody_is_to_blame(watched: Watched) -> None:
    watched.after(29)
    watched.dog._forgive()

    assert watched.after(29) is None


async def test_a_partition_whose_end_is_not_known_yet_is_left_alone(watched: Watched) -> None:
    watched.clock.seconds += 100

    assert watched.dog.verdict({TopicPartition("other", 0): 5}) is None
