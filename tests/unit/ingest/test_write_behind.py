"""Who waits for what, and in which order interactions leave, over a log and an outbox that a test opens and shuts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from services.chassis.clock import SystemClock
from services.chassis.errors import RetryableError
from services.ingest.settings import WritingBehind
from services.ingest.stamping import Stamped
from services.ingest.write_behind import WriteBehind
from tests.support.eventually import eventually

PATIENT = WritingBehind(wait_s=30.0)
HASTY = WritingBehind(wait_s=0.001)


class Store:
    """A log, or an outbox: away until it is opened, slow until it is released."""

    def __init__(self, *, away: bool = False, slow: bool = False) -> None:
        self.taken: list[str] = []
        self.away = away
        self.free = asyncio.Event()
        if not slow:
            self.free.set()

    async def publish(self, interactions: Sequence[Stamped]) -> None:
        for each in interactions:
            await self._take(each)

    async def enqueue(self, interaction: Stamped) -> None:
        await self._take(interaction)

    async def waiting(self, prospect_id: str) -> bool:
        if self.away:
            raise RetryableError("away")
        return bool(self.taken)

    async def _take(self, interaction: Stamped) -> None:
        away = self.away
        await self.free.wait()
        if away:
            raise RetryableError("away")
        self.taken.append(interaction.document["uid"])


def click(uid: str, key: str = "ada") -> Stamped:
    return Stamped(key, {"uid": uid, "type": "redirect_link.clicked"})


@asynccontextmanager
async def accepting(log: Store, outbox: Store, writing: WritingBehind = PATIENT) -> AsyncIterator[WriteBehind]:
    behind, over = WriteBehind(log, outbox, SystemClock(), writing), asyncio.Event()

    async def serving() -> None:
        await over.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(behind.around(serving()))
        await asyncio.sleep(0)
        yield behind
        over.set()


async def test_what_the_log_takes_in_time_is_durable_and_the_outbox_is_not_touched() -> None:
    log, outbox = Store(), Store()
    async with accepting(log, outbox) as behind:
        assert await behind.accept(click("1")) == "durable"
    assert (log.taken, outbox.taken) == (["1"], [])


async def test_what_the_log_refuses_in_time_is_durable_in_the_outbox() -> None:
    log, outbox = Store(away=True), Store()
    async with accepting(log, outbox) as behind:
        assert await behind.accept(click("1")) == "durable"
    assert (log.taken, outbox.taken) == ([], ["1"])


async def test_nobody_waits_for_a_slow_log_and_the_end_waits_for_what_is_under_way() -> None:
    log, outbox = Store(slow=True), Store()
    async with accepting(log, outbox, HASTY) as behind:
        assert await behind.accept(click("1")) == "behind"
        assert log.taken == []
        asyncio.get_running_loop().call_later(0.05, log.free.set)
    assert log.taken == ["1"]


async def test_with_both_away_it_is_dropped_and_told() -> None:
    async with accepting(Store(away=True), Store(away=True)) as behind:
        assert await behind.accept(click("1")) == "dropped"


async def test_past_the_bound_the_newest_is_dropped_at_once() -> None:
    log, outbox = Store(slow=True), Store()
    async with accepting(log, outbox, WritingBehind(wait_s=0.001, interactions_max=2)) as behind:
        written = [await behind.accept(click(uid)) for uid in "123"]
        log.free.set()
    assert written == ["behind", "behind", "dropped"]
    assert log.taken == ["1", "2"]


async def test_a_prospect_that_is_astray_goes_to_the_outbox_until_its_rows_are_published_and_nobody_else_does() -> None:
    log, outbox = Store(away=True), Store()
    async with accepting(log, outbox) as behind:
        await behind.accept(click("1"))
        log.away = False
        await behind.accept(click("2"))
        await behind.accept(click("other", key="ben"))
        assert (log.taken, outbox.taken) == (["other"], ["1", "2"])
        outbox.taken.clear()  # the relay has published them
        await behind.accept(click("3"))
        await behind.accept(click("4"))
    assert (log.taken, outbox.taken) == (["other", "3", "4"], [])


async def test_one_that_the_log_refuses_at_once_does_not_overtake_one_that_it_has_not_refused_yet() -> None:
    log, outbox = Store(away=True, slow=True), Store()
    async with accepting(log, outbox, HASTY) as behind:
        await behind.accept(click("1"))
        await behind.accept(click("2"))
        waits, log.free = log.free, asyncio.Event()
        log.free.set()
        await behind.accept(click("3"))
        assert outbox.taken == []
        waits.set()
        await eventually(lambda: outbox.taken == ["1", "2", "3"])


async def test_a_prospect_that_is_astray_is_not_lost_when_the_database_is_away_then() -> None:
    log, outbox = Store(away=True), Store()
    async with accepting(log, outbox) as behind:
        await behind.accept(click("1"))
        log.away, outbox.away = False, True
        assert await behind.accept(click("2")) == "durable"
    assert log.taken == ["2"]


async def test_cut_off_what_is_under_way_is_counted_as_dropped() -> None:
    behind = WriteBehind(Store(slow=True), Store(), SystemClock(), HASTY)
    serving = asyncio.create_task(behind.around(asyncio.sleep(3600)))
    await asyncio.sleep(0)
    await behind.accept(click("1"))
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
