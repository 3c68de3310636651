"""Deliveries that another system carries out: leases, attempts, schedule, lanes, pauses, and what is never repeated."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from schemas.commands.command import Command
from services.chassis.errors import PermanentError, RetryableError
from services.executors.core.retry import Schedule
from services.executors.ports import Answer, GoneError, Later, Outcome, UncertainError
from services.executors.runtime.verdicts import Policy
from services.executors.settings import Executors, Lanes
from tests.integration.executors.dispatching import DONE, QUICK, STEPS, Dispatching, dispatching, run_dry


@pytest.fixture
async def bench(emptied_url: str) -> AsyncIterator[Dispatching]:
    async with dispatching(emptied_url) as opened:
        yield opened


async def test_a_delivery_is_made_once_and_its_attempt_written_down(bench: Dispatching) -> None:
    asked = bench.asks(await bench.prospect(email="ann@example.org"))
    bench.other.answers.append(Answer(Outcome("done"), "201", "made", "their-id"))
    await bench.settle([asked])
    await bench.work()

    assert await bench.state(asked) == ("done", None)
    assert await bench.deliveries() == []
    assert len(bench.other.calls) == 1
    (attempt,) = await bench.attempts()
    told = attempt["result"], attempt["status"], attempt["answer"], attempt["reference"], attempt["number"]
    assert told == ("done", "201", "made", "their-id", 1)
    assert attempt["ended_at"] >= attempt["started_at"]
    assert await bench.pool.fetchval("SELECT count(*) FROM delivery_requests") == 0


async def test_a_failure_is_tried_again_on_schedule_with_the_same_bytes(bench: Dispatching) -> None:
    asked = bench.asks(await bench.prospect(email="ann@example.org"))
    bench.other.answers.extend([RetryableError("503"), RetryableError("503")])
    await bench.settle([asked])
    await bench.work()
    assert await bench.state(asked) == ("retrying", None)
    await bench.work()
    assert len(bench.other.calls) == 1
    bench.clock.moved += timedelta(seconds=7)
    await bench.work()
    assert len(bench.other.calls) == 2
    bench.clock.moved += timedelta(seconds=73)
    await bench.work()

    assert await bench.state(asked) == ("done", None)
    assert [attempt for _, _, attempt in bench.other.calls] == [1, 2, 3]
    assert len({request for _, request, _ in bench.other.calls}) == 1
    assert bench.other.rendered == 1
    assert [row["result"] for row in await bench.attempts()] == ["retry", "retry", "done"]
    assert await bench.pool.fetchval("SELECT attempts FROM command_ledger") == 3


async def test_what_the_other_side_asks_to_wait_counts_up_to_twice_the_step(bench: Dispatching) -> None:
    bench.other.answers.append(RetryableError("429", after=3600))
    await bench.settle([bench.asks(await bench.prospect())])
    before = bench.clock.now()
    await bench.work()
    (delivery,) = await bench.deliveries()
    assert timedelta(seconds=9.9) < delivery["due_at"] - before < timedelta(seconds=12)


async def test_when_the_schedule_is_used_up_it_is_dead_and_a_replay_sends_the_same_bytes(bench: Dispatching) -> None:
    asked = bench.asks(await bench.prospect(email="ann@example.org"))
    bench.other.answers.extend([RetryableError("503")] * 3)
    await bench.settle([asked])
    for _ in range(3):
        await bench.work()
        bench.clock.moved += timedelta(seconds=90)
    assert await bench.state(asked) == ("dead", "exhausted")
    (letter,) = await bench.pool.fetch("SELECT * FROM dead_letters")
    assert (letter["reason"], letter["error"], letter["attempts"]) == ("exhausted", "503", 3)

    await bench.pool.execute("UPDATE dead_letters SET replayed_at = now()")
    await bench.settle_records([bench.replay(asked, letter["id"])])
    await bench.work()
    assert await bench.state(asked) == ("done", None)
    assert len({request for _, request, _ in bench.other.calls}) == 1
    assert await bench.pool.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_what_may_have_been_carried_out_goes_out_again_only_when_somebody_says_so_and_with_the_same_bytes(
    bench: Dispatching,
) -> None:
    asked = bench.asks(await bench.prospect(email="ann@example.org"))
    bench.other.repeats = False
    bench.other.answers.extend([UncertainError("cut off")] * 2)
    await bench.settle([asked])
    for attempts in (1, 2):
        await bench.work()
        assert (await bench.state(asked), len(bench.other.calls)) == (("uncertain", None), attempts)
        (letter,) = await bench.pool.fetch("SELECT * FROM dead_letters")
        assert (letter["reason"], letter["error"], letter["replayed_at"]) == ("uncertain", "cut off", None)
        await bench.settle_records([bench.replay(asked, letter["id"])])
        await bench.work()
        assert (await bench.state(asked), len(bench.other.calls)) == (("uncertain", None), attempts)
        await bench.pool.execute("UPDATE dead_letters SET replayed_at = now()")
        await bench.settle_records([bench.replay(asked, letter["id"])])
    await bench.work()

    assert await bench.state(asked) == ("done", None)
    assert len(bench.other.calls) == 3
    assert len({request for _, request, _ in bench.other.calls}) == 1
    assert await bench.pool.fetchval("SELECT count(*) FROM dead_letters") == 0
    assert await bench.pool.fetchval("SELECT count(*) FROM delivery_requests") == 0
    told = [(row["number"], row["result"]) for row in await bench.attempts()]
    assert told == [(1, "uncertain"), (2, "uncertain"), (3, "done")]


async def test_a_refusal_for_good_is_dead_at_once_and_leaves_the_lane_open(bench: Dispatching) -> None:
    prospect = await bench.prospect()
    asked = [bench.asks(prospect) for _ in range(20)]
    bench.other.answers.extend([PermanentError("400")] * 19)
    await bench.settle(asked)
    await bench.work()
    assert sorted((await bench.ledger()).values()).count(("dead", "permanent")) == 19
    assert len(bench.other.calls) == 20


async def test_a_bug_is_met_three_times_and_no_more(bench: Dispatching) -> None:
    asked = bench.asks(await bench.prospect())
    bench.other.answers.extend([ZeroDivisionError()] * 3)
    await bench.settle([asked])
    for _ in range(3):
        await bench.work()
        bench.clock.moved += timedelta(seconds=90)
    assert await bench.state(asked) == ("dead", "exhausted")
    assert await bench.pool.fetchval("SELECT error FROM dead_letters") == "ZeroDivisionError"


async def test_beyond_its_deadline_it_is_dead_though_never_tried(emptied_url: str) -> None:
    limits = QUICK.model_copy(update={"remote": Lanes(breaker_failures=1, breaker_open_s=3600, sweep_s=0.001)})
    async with dispatching(emptied_url, limits) as bench:
        prospect = await bench.prospect()
        first, second = bench.asks(prospect), bench.asks(prospect)
        bench.other.answers.append(RetryableError("down"))
        await bench.settle([first])
        await bench.work()
        await bench.settle([second])
        await bench.work()
        assert await bench.state(second) == ("waiting", None)
        bench.clock.moved += timedelta(hours=1, seconds=5)
        await bench.work()
        assert await bench.state(first) == ("dead", "exhausted")
        assert await bench.state(second) == ("dead", "exhausted")
        assert len(bench.other.calls) == 1


async def test_a_destination_that_fails_is_left_alone_and_burns_no_attempts(emptied_url: str) -> None:
    limits = QUICK.model_copy(update={"remote": Lanes(breaker_failures=2, breaker_open_s=3600, concurrency=1)})
    async with dispatching(emptied_url, limits) as bench:
        prospect = await bench.prospect()
        bench.other.answers.extend([RetryableError("down")] * 2)
        await bench.settle([bench.asks(prospect) for _ in range(30)])
        await bench.work()
        assert len(bench.other.calls) == 2
        assert await bench.pool.fetchval("SELECT count(*) FROM deliveries WHERE attempts = 0 AND lease = 0") == 28
        others = bench.asks(prospect, to="elsewhere")
        await bench.settle([others])
        await bench.work()
        assert await bench.state(others) == ("done", None)


async def test_a_worker_that_dies_leaves_its_lease_to_another_with_the_same_bytes(bench: Dispatching) -> None:
    asked = bench.asks(await bench.prospect(email="ann@example.org"))
    hanging = asyncio.Event()

    async def hang(_: Command) -> None:
        if not hanging.is_set():
            hanging.set()
            await asyncio.sleep(3600)

    bench.other.meanwhile = hang
    await bench.settle([asked])
    doomed = asyncio.create_task(bench.another().run(asyncio.Event()))
    await asyncio.wait_for(hanging.wait(), 5)
    doomed.cancel()
    await asyncio.wait([doomed])

    await bench.work()
    assert len(bench.other.calls) == 1
    bench.clock.moved += timedelta(seconds=8)
    await bench.work()
    assert await bench.state(asked) == ("done", None)
    assert [attempt for _, _, attempt in bench.other.calls] == [1, 2]
    assert len({request for _, request, _ in bench.other.calls}) == 1
    assert [row["result"] for row in await bench.attempts()] == ["uncertain", "done"]


async def test_what_must_not_be_repeated_ends_uncertain_when_its_worker_died(bench: Dispatching) -> None:
    asked = bench.asks(await bench.prospect())
    bench.other.repeats = False
    await bench.settle([asked])
    await bench.pool.execute("UPDATE deliveries SET begun_at = now(), lease = 1")
    await bench.work()
    assert bench.other.calls == []
    assert await bench.state(asked) == ("uncertain", None)
    assert await bench.deliveries() == []


async def test_the_result_of_a_zombie_changes_nothing(bench: Dispatching) -> None:
    asked = bench.asks(await bench.prospect())

    async def overtaken(_: Command) -> None:
        await bench.pool.execute("UPDATE deliveries SET lease = lease + 1, due_at = now() + interval '1 hour'")

    bench.other.meanwhile = overtaken
    await bench.settle([asked])
    await bench.work()
    assert len(bench.other.calls) == 1
    assert (await bench.state(asked))[0] == "waiting"
    assert len(await bench.deliveries()) == 1


async def test_a_zombie_from_before_a_replay_does_not_end_what_the_replay_began(bench: Dispatching) -> None:
    asked, other = bench.asks(await bench.prospect()), bench.another()
    answered, replayed = asyncio.Event(), asyncio.Event()
    bench.other.repeats, bench.other.timeout_s = False, 60.0

    async def slowly(_: Command) -> None:
        await answered.wait()

    async def overtaken(_: Command) -> None:
        bench.clock.moved += timedelta(hours=1)
        bench.other.meanwhile = slowly
        await other.take()
        assert await bench.state(asked) == ("uncertain", None)
        (letter,) = await bench.pool.fetch("UPDATE dead_letters SET replayed_at = now() RETURNING id")
        await bench.settle_records([bench.replay(asked, letter["id"])])
        bench.clock.moved += timedelta(seconds=1)
        await other.take()
        replayed.set()

    bench.other.meanwhile = overtaken
    await bench.settle([asked])
    await bench.dispatcher.take()  # once: running on, it would itself take what the moved clock makes due
    await asyncio.wait_for(replayed.wait(), 10)
    await bench.work()
    assert len(bench.other.calls) == 2
    assert len(await bench.deliveries()) == 1
    answered.set()
    await run_dry(other)
    assert await bench.state(asked) == ("done", None)
    assert await bench.deliveries() == []


@pytest.mark.parametrize(("repeats", "state"), [(True, "retrying"), (False, "uncertain")])
async def test_an_attempt_that_may_have_been_carried_out(bench: Dispatching, repeats: bool, state: str) -> None:
    asked = bench.asks(await bench.prospect())
    bench.other.repeats = repeats
    bench.other.answers.append(UncertainError("cut off after the last byte"))
    await bench.settle([asked])
    await bench.work()
    assert (await bench.state(asked))[0] == state
    assert (await bench.attempts())[0]["result"] == "uncertain"


async def test_it_is_put_off_without_an_attempt_and_gets_a_deadline_of_its_own(bench: Dispatching) -> None:
    asked = bench.asks(await bench.prospect())
    bench.other.refusals.append(Later(bench.clock.now() + timedelta(days=2)))
    await bench.settle([asked])
    await bench.work()
    assert await bench.state(asked) == ("deferred", None)
    assert await bench.attempts() == []
    bench.clock.moved += timedelta(days=2, seconds=1)
    await bench.work()
    assert await bench.state(asked) == ("done", None)


async def test_consent_is_asked_before_every_attempt(bench: Dispatching) -> None:
    asked = bench.asks(await bench.prospect())
    bench.other.answers.append(RetryableError("503"))
    bench.other.refusals.extend([None, Outcome("suppressed", "consent", attempts=0)])
    await bench.settle([asked])
    await bench.work()
    bench.clock.moved += timedelta(seconds=7)
    await bench.work()
    assert await bench.state(asked) == ("suppressed", "consent")
    assert len(bench.other.calls) == 1


async def test_an_erased_prospect_gets_nothing_more(bench: Dispatching) -> None:
    prospect = await bench.prospect()
    asked = bench.asks(prospect)
    bench.other.answers.append(RetryableError("503"))
    await bench.settle([asked])
    await bench.work()
    await bench.pool.execute("DELETE FROM prospects WHERE id = $1", prospect)
    bench.clock.moved += timedelta(seconds=7)
    await bench.work()
    assert await bench.state(asked) == ("suppressed", "erased")
    assert len(bench.other.calls) == 1


async def test_a_destination_that_is_gone_is_paused_and_goes_on_when_resumed(bench: Dispatching) -> None:
    prospect = await bench.prospect()
    asked = [bench.asks(prospect) for _ in range(3)]
    bench.other.answers.append(GoneError("410"))
    await bench.settle([asked[0]])
    await bench.work()
    (pause,) = await bench.pool.fetch("SELECT * FROM pauses")
    assert (pause["scope"], pause["target"]) == ("destination", "webhook:shop")
    assert "410" in pause["reason"]
    await bench.settle(asked[1:])
    await bench.work()
    assert len(bench.other.calls) == 1
    await bench.pool.execute("DELETE FROM pauses")
    await bench.work()
    assert set((await bench.ledger()).values()) == {("done", None)}


async def test_a_destination_that_fails_for_too_long_is_paused(emptied_url: str) -> None:
    patient = Policy(Schedule((60.0,), timedelta(days=9), lasting=True), bugs_max=3, disabled_after=timedelta(hours=2))
    async with dispatching(emptied_url, policy=patient) as bench:
        bench.other.answers.extend([RetryableError("503")] * 3)
        await bench.settle([bench.asks(await bench.prospect())])
        await bench.work()
        bench.clock.moved += timedelta(hours=1, minutes=50)
        await bench.work()
        assert await bench.pool.fetchval("SELECT count(*) FROM pauses") == 0
        bench.clock.moved += timedelta(minutes=20)
        await bench.work()
        assert await bench.pool.fetchval("SELECT reason FROM pauses") == "it has failed for too long"


async def test_one_answer_ends_the_time_of_failing(bench: Dispatching) -> None:
    prospect = await bench.prospect()
    bench.other.answers.append(RetryableError("503"))
    await bench.settle([bench.asks(prospect)])
    await bench.work()
    assert await bench.pool.fetchval("SELECT destination FROM failing_destinations") == "shop"
    await bench.settle([bench.asks(prospect)])
    await bench.work()
    assert await bench.pool.fetchval("SELECT count(*) FROM failing_destinations") == 0


async def test_many_dispatchers_make_every_attempt_once(bench: Dispatching) -> None:
    prospects = [await bench.prospect() for _ in range(5)]
    asked = [bench.asks(prospects[number % 5], to=f"shop-{number % 7}") for number in range(300)]
    await bench.settle(asked)
    await asyncio.gather(*(run_dry(bench.another()) for _ in range(4)))
    await bench.work()
    assert len(bench.other.calls) == 300
    assert {id_ for id_, _, _ in bench.other.calls} == {UUID(document["id"]) for document in asked}
    assert set((await bench.ledger()).values()) == {("done", None)}


async def test_what_no_column_holds_of_an_answer_is_left_out(bench: Dispatching) -> None:
    bench.other.answers.append(Answer(Outcome("done"), "2\x0000", "a\x00b\ud800", "\x00"))
    await bench.settle([bench.asks(await bench.prospect())])
    await bench.work()
    (attempt,) = await bench.attempts()
    assert (attempt["result"], attempt["status"], attempt["answer"], attempt["reference"]) == ("done", "200", "ab?", "")


async def test_one_result_that_cannot_be_written_does_not_hold_the_others(bench: Dispatching) -> None:
    prospect = await bench.prospect()
    asked = [bench.asks(prospect) for _ in range(4)]
    await bench.pool.execute("ALTER TABLE delivery_attempts ADD CONSTRAINT short CHECK (length(answer) < 9)")
    bench.other.answers.extend([Answer(Outcome("done"), excerpt="a long answer"), DONE, DONE, DONE])
    await bench.settle(asked)
    await bench.work()
    await bench.pool.execute("ALTER TABLE delivery_attempts DROP CONSTRAINT short")
    assert sorted((await bench.ledger()).values()) == [("dead", "permanent"), *[("done", None)] * 3]


async def test_what_comes_while_the_process_stops_is_settled(bench: Dispatching) -> None:
    stopping, begun = asyncio.Event(), asyncio.Event()

    async def slow(_: Command) -> None:
        begun.set()
        await asyncio.sleep(0.3)

    bench.other.meanwhile = slow
    asked = bench.asks(await bench.prospect())
    await bench.settle([asked])
    running = asyncio.create_task(bench.dispatcher.run(stopping))
    await asyncio.wait_for(begun.wait(), 5)
    stopping.set()
    await asyncio.wait_for(running, 5)
    assert await bench.state(asked) == ("done", None)


async def test_a_lane_has_no_more_under_way_than_it_may(emptied_url: str) -> None:
    limits = Executors(delivery_poll_s=0.02, remote=Lanes(concurrency=3, in_flight_max=5, rate_per_s=1000.0))
    async with dispatching(emptied_url, limits) as bench:
        under_way: dict[str, int] = {}
        most: dict[str, int] = {}

        async def watch(command: Command) -> None:
            for name in (command.params["to"], "all"):
                under_way[name] = under_way.get(name, 0) + 1
                most[name] = max(most.get(name, 0), under_way[name])
            await asyncio.sleep(0.02)
            for name in (command.params["to"], "all"):
                under_way[name] -= 1

        bench.other.meanwhile = watch
        prospect = await bench.prospect()
        await bench.settle([bench.asks(prospect, to=to) for to in ("a", "b") for _ in range(12)])
        await bench.work()
        assert len(bench.other.calls) == 24
        assert max(most["a"], most["b"]) == 3
        assert most["all"] == 5


async def test_no_more_begin_in_a_second_than_the_rate_allows(emptied_url: str) -> None:
    limits = Executors(delivery_poll_s=0.02, remote=Lanes(rate_per_s=5.0))
    async with dispatching(emptied_url, limits) as bench:
        prospect = await bench.prospect()
        await bench.settle([bench.asks(prospect) for _ in range(20)])
        await bench.work()
        assert 5 <= len(bench.other.calls) < 12


@pytest.mark.parametrize("scope", ["type", "action", "destination"])
async def test_what_is_paused_is_not_tried_and_does_not_die_of_its_deadline(bench: Dispatching, scope: str) -> None:
    asked = bench.asks(await bench.prospect())
    target = {"type": "fire_webhook", "action": "asset-1/act-1", "destination": "webhook:shop"}[scope]
    await bench.pool.execute("INSERT INTO pauses (id, scope, target) VALUES ('p', $1, $2)", scope, target)
    await bench.settle([asked])
    await bench.work()
    bench.clock.moved += timedelta(hours=5)
    await bench.work()
    assert bench.other.calls == []
    assert await bench.state(asked) == ("waiting", None)


async def test_a_command_with_other_bytes_of_the_same_id_changes_nothing(bench: Dispatching) -> None:
    asked = bench.asks(await bench.prospect())
    await bench.settle([asked])
    await bench.settle([asked])
    await bench.work()
    assert len(bench.other.calls) == 1


def test_the_published_schedule_takes_ten_attempts() -> None:
    steps = Lanes().webhook_steps_s
    schedule = Schedule(steps, timedelta(hours=120))
    assert [schedule.delay_s(attempt, 0.5) for attempt in range(1, 11)] == [*steps, None]
    assert schedule.delay_s(1, 0.0) == 4.0
    assert STEPS.delay_s(3, 0.5) is None
