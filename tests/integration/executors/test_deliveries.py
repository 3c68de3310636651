"""Outside commands whose effect is in the database: kept until their time, held behind record commands, carried out once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.executors.bench import Bench, bench_of, command, record
from tests.integration.executors.delivering import CASES, Delivering, delivering

each = pytest.mark.parametrize("name", list(CASES))


@pytest.fixture
async def tags(emptied_url: str) -> AsyncIterator[Bench]:
    async with bench_of("tags", emptied_url) as opened:
        yield opened


def _ahead(first: dict[str, Any], on_failure: str = "hold") -> dict[str, str]:
    return {first["id"]: on_failure}


@each
async def test_a_command_is_waiting_until_a_worker_carries_it_out_once(name: str, emptied_url: str) -> None:
    async with delivering(name, emptied_url) as bench:
        prospect_id = await bench.prospect(email="ann@example.com", owner="ann")
        asked = bench.asks(prospect_id)
        await bench.settle([asked, asked])
        assert await bench.state(asked) == ("waiting", None)
        assert await bench.effects() == []

        assert [await bench.work(), await bench.work()] == [1, 0]
        await bench.settle([asked])

        assert await bench.state(asked) == ("done", None)
        assert len(await bench.effects()) == 1
        assert await bench.left() == 0
        assert await bench.pool.fetchval("SELECT attempts FROM command_ledger") == 1


async def test_a_task_says_what_was_asked_as_the_record_is_then(emptied_url: str) -> None:
    async with delivering("tasks", emptied_url) as bench:
        prospect_id = await bench.prospect(email="ann@example.com", owner="bob")
        asked = bench.asks(
            prospect_id,
            {"body": "{{ event.form.company }}: {{ event.data.amount }}", "priority": "high", "hour": "08:30"},
            recordedtime="2026-11-25T23:30:00Z",
        )
        await bench.settle([asked])
        await bench.pool.execute("UPDATE prospects SET email = 'new@example.com'")
        await bench.work()

        (task,) = await bench.effects()
        assert (task["title"], task["body"]) == ("Call new@example.com", "Form Ltd: 3")
        assert (task["assignee"], task["priority"], task["status"]) == ("bob", "high", "open")
        assert task["due_at"].isoformat() == "2026-11-28T08:30:00+00:00"
        assert (task["prospect_id"], str(task["id"])) == (prospect_id, asked["id"])


async def test_a_task_whose_key_is_open_is_not_made_again(emptied_url: str) -> None:
    async with delivering("tasks", emptied_url) as bench:
        prospect_id = await bench.prospect(owner="bob")
        first, second, third = (bench.asks(prospect_id, {"dedupe_key": "call-{{ event.subject }}"}) for _ in range(3))
        await bench.settle([first, second])
        await bench.work()
        await bench.pool.execute("UPDATE tasks SET status = 'done'")
        await bench.settle([third])
        await bench.work()

        assert sorted([await bench.state(first), await bench.state(second)]) == [
            ("done", None),
            ("suppressed", "duplicate"),
        ]
        assert await bench.state(third) == ("done", None)
        assert [task["dedupe_key"] for task in await bench.effects()] == ["call-pricing"] * 2


@pytest.mark.parametrize(
    ("owner", "enabled", "params", "told"),
    [
        ("ann", True, {}, {"ann"}),
        ("ann", False, {"fallback": {"user": "bob"}}, {"bob"}),
        (None, True, {"fallback": {"user": "bob"}}, {"bob"}),
        (None, True, {}, set()),
        ("ann", True, {"to": {"user": "bob"}}, {"bob"}),
        ("ann", True, {"to": {"team": "sales"}}, {"bob", "cid"}),
        ("ann", True, {"to": {"team": "nobody"}, "fallback": {"user": "ann"}}, {"ann"}),
    ],
)
async def test_whoever_is_to_be_told_is_told_once(
    emptied_url: str, owner: str | None, enabled: bool, params: dict[str, Any], told: set[str]
) -> None:
    async with delivering("notify", emptied_url) as bench:
        await bench.pool.execute("UPDATE users SET enabled = $1 WHERE id = 'ann'", enabled)
        await bench.pool.execute("INSERT INTO teams (id, name) VALUES ('sales', 'Sales'), ('nobody', 'Nobody')")
        await bench.pool.execute("INSERT INTO team_members VALUES ('sales', 'bob'), ('sales', 'cid')")
        asked = bench.asks(await bench.prospect(owner=owner), params)
        await bench.settle([asked])
        await bench.work()
        await bench.pool.execute("UPDATE users SET enabled = true")

        assert {notice["user_id"] for notice in await bench.effects()} == told
        assert await bench.state(asked) == (("done", None) if told else ("suppressed", "no_recipient"))


@each
@pytest.mark.parametrize("order", ["record first", "delivery first"])
async def test_it_starts_only_once_the_record_commands_ahead_of_it_have_ended(
    name: str, order: str, emptied_url: str, tags: Bench
) -> None:
    async with delivering(name, emptied_url) as bench:
        prospect_id = await bench.prospect(owner="ann")
        ahead = [command(prospect_id, "add_tags", {"tags": [tag]}, place) for place, tag in ((1, "a"), (2, "a"))]
        asked = bench.asks(prospect_id, after=_ahead(ahead[0]) | _ahead(ahead[1]))
        if order == "record first":
            await tags.settle(ahead[:1])
        await bench.settle([asked])
        assert await bench.work() == 0
        assert await bench.state(asked) == ("waiting", None)

        await tags.settle(ahead)

        assert await bench.work() == 1
        assert await bench.state(asked) == ("done", None)
        assert (await bench.state(ahead[0]), await bench.state(ahead[1])) == (("done", None), ("no_change", None))


async def test_what_follows_within_the_digest_joins_the_first_notice_about_the_same_prospect(emptied_url: str) -> None:
    async with delivering("notify", emptied_url) as bench:
        ann, other = await bench.prospect(owner="ann"), await bench.prospect(owner="ann")
        gathering = {"digest": "PT1H", "text": "{{ event.data.amount }}"}
        await bench.settle([bench.asks(ann, gathering)])
        await bench.work()
        await bench.pool.execute("UPDATE notices SET read_at = now()")
        await bench.settle([bench.asks(ann, gathering), bench.asks(other, gathering)])
        await bench.work()
        await bench.settle([bench.asks(ann, {"text": "alone"})])
        await bench.work()
        notices = await bench.effects()
        told = sorted((row["prospect_id"] == ann, row["count"], row["text"], row["read_at"]) for row in notices)
        assert told == [(False, 1, "3", None), (True, 1, "alone", None), (True, 2, "3\n3", None)]
        await bench.pool.execute("UPDATE notices SET created_at = created_at - interval '61 minutes'")
        await bench.settle([bench.asks(ann, gathering)])
        await bench.work()
        assert len(await bench.effects()) == 4
        assert {state for state, _ in (await bench.ledger()).values()} == {"done"}


@pytest.mark.parametrize("order", ["record first", "delivery first"])
async def test_behind_a_dead_one_it_is_held_until_that_one_is_replayed(
    order: str, emptied_url: str, tags: Bench
) -> None:
    async with delivering("tasks", emptied_url) as bench:
        prospect_id = await bench.prospect(owner="ann")
        dead = command(prospect_id, "add_tags", {"tags": []}, 1)
        asked = bench.asks(prospect_id, after=_ahead(dead))
        for step in (
            (tags.settle([dead]), bench.settle([asked]))
            if order == "record first"
            else (
                bench.settle([asked]),
                tags.settle([dead]),
            )
        ):
            await step
        assert (await bench.state(dead), await bench.state(asked)) == (("dead", "permanent"), ("held", None))
        assert await bench.work() == 0

        (letter,) = await bench.dead_letters()
        await bench.ask(letter["id"])
        await tags.settle_records([record({**dead, "params": {"tags": ["fine"]}}, letter["id"])])

        assert (await bench.state(dead), await bench.state(asked)) == (("done", None), ("waiting", None))
        assert await bench.work() == 1


@pytest.mark.parametrize("order", ["record first", "delivery first"])
async def test_behind_a_dead_one_that_says_continue_it_goes_on(order: str, emptied_url: str, tags: Bench) -> None:
    async with delivering("tasks", emptied_url) as bench:
        prospect_id = await bench.prospect(owner="ann")
        dead = command(prospect_id, "add_tags", {"tags": []}, 1)
        asked = bench.asks(prospect_id, after=_ahead(dead, "continue"))
        for step in (
            (tags.settle([dead]), bench.settle([asked]))
            if order == "record first"
            else (
                bench.settle([asked]),
                tags.settle([dead]),
            )
        ):
            await step
        assert await bench.work() == 1
        assert await bench.state(asked) == ("done", None)


async def test_an_end_that_the_intake_did_not_see_is_found(emptied_url: str, tags: Bench) -> None:
    """Both were under way at once, so neither saw the other: as if the record's statement had not been there."""
    async with delivering("tasks", emptied_url) as bench:
        prospect_id = await bench.prospect(owner="ann")
        ahead = command(prospect_id, "add_tags", {"tags": ["a"]}, 1)
        asked = bench.asks(prospect_id, after=_ahead(ahead))
        await bench.settle([asked])
        await bench.pool.execute(
            "INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, recordedtime)"
            " VALUES ($1, $2, $3, 'a', 'tags', 'add_tags', 'done', now())",
            ahead["id"],
            uuid4(),
            prospect_id,
        )
        assert await bench.work() == 0

        assert [await bench.intake.resolve(), await bench.intake.resolve()] == [1, 0]

        assert await bench.work() == 1


@each
async def test_it_is_deferred_to_its_time(name: str, emptied_url: str) -> None:
    async with delivering(name, emptied_url) as bench:
        later = bench.clock.now().replace(microsecond=0).isoformat()
        bench.clock.moved = -bench.clock.moved
        asked = bench.asks(await bench.prospect(owner="ann"), not_before="2027-01-01T00:00:00Z")
        at_once = bench.asks(await bench.prospect(owner="ann"), not_before=later)
        await bench.settle([asked, at_once])
        assert await bench.work() == 1
        assert (await bench.state(asked), await bench.state(at_once)) == (("deferred", None), ("done", None))
        next_at = await bench.pool.fetchval("SELECT next_at FROM command_ledger WHERE command_id = $1", asked["id"])
        assert next_at.isoformat() == "2027-01-01T00:00:00+00:00"

        bench.clock.moved = next_at - bench.clock.now()

        assert await bench.work() == 1
        assert await bench.state(asked) == ("done", None)


@each
async def test_an_erased_prospect_gets_nothing(name: str, emptied_url: str) -> None:
    async with delivering(name, emptied_url) as bench:
        prospect_id, other = await bench.prospect(owner="ann"), await bench.prospect(owner="ann")
        before, after, kept = bench.asks(prospect_id), bench.asks(prospect_id), bench.asks(other)
        await bench.settle([before, kept])
        await bench.pool.execute(
            "INSERT INTO erasures (prospect_id, version, erased_at, erased_by, removed) VALUES ($1, 2, now(), 'k', '{}')",
            prospect_id,
        )
        await bench.pool.execute("DELETE FROM prospects WHERE id = $1", prospect_id)
        await bench.settle([after])
        assert await bench.work() == 2

        assert [await bench.state(each) for each in (before, after)] == [("suppressed", "erased")] * 2
        assert await bench.state(kept) == ("done", None)
        assert await bench.dead_letters() == []


@pytest.mark.parametrize(
    ("scope", "target"),
    [("type", "create_crm_task"), ("action", "asset-1/act-1"), ("destination", "tasks:in_app")],
)
async def test_what_is_paused_is_taken_in_and_waits(scope: str, target: str, emptied_url: str) -> None:
    async with delivering("tasks", emptied_url) as bench:
        await bench.pool.execute("INSERT INTO pauses (id, scope, target) VALUES ('p', $1, $2)", scope, target)
        asked = bench.asks(await bench.prospect(owner="ann"))
        await bench.settle([asked])
        assert await bench.work() == 0
        await bench.pool.execute("DELETE FROM pauses")
        assert await bench.work() == 1


@each
async def test_wrong_parameters_are_dead_at_once_and_the_others_go_on(name: str, emptied_url: str) -> None:
    async with delivering(name, emptied_url) as bench:
        prospect_id = await bench.prospect(owner="ann")
        wrong, good = bench.asks(prospect_id, {"nonsense": 1}), bench.asks(prospect_id)
        await bench.settle([wrong, b"poison", good])
        await bench.work()

        assert (await bench.state(wrong), await bench.state(good)) == (("dead", "permanent"), ("done", None))
        assert sorted(letter["reason"] for letter in await bench.dead_letters()) == ["malformed", "permanent"]


async def test_what_can_never_be_carried_out_is_dead_and_its_replay_ends_the_letter(emptied_url: str) -> None:
    async with delivering("tasks", emptied_url) as bench:
        prospect_id = await bench.prospect(owner="ann")
        lost = bench.asks(prospect_id, {"due": {"field": "renewal"}})
        await bench.settle([lost])
        await bench.work()
        assert await bench.state(lost) == ("dead", "permanent")
        (letter,) = await bench.dead_letters()
        assert "no date" in letter["error"]

        for value in ("not yet", "2026-12-24"):
            await bench.pool.execute("UPDATE prospects SET fields = jsonb_build_object('renewal', $1::text)", value)
            (letter,) = await bench.dead_letters()
            await bench.ask(letter["id"])
            replay = record(lost, letter["id"])
            await bench.settle_records([replay, replay])
            assert await bench.state(lost) == ("waiting", None)
            await bench.work()

        assert await bench.state(lost) == ("done", None)
        assert await bench.dead_letters() == []
        assert await bench.pool.fetchval("SELECT attempts FROM command_ledger") == 3
        assert len(await bench.effects()) == 1


async def test_a_bug_is_tried_again_a_few_times_and_stops_no_other(
    emptied_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with delivering("tasks", emptied_url) as bench:
        odd, good = (
            bench.asks(await bench.prospect(owner="ann", score=1)),
            bench.asks(await bench.prospect(owner="ann")),
        )
        perform = bench.worker._outcome

        async def bug(due: Any, *rest: Any) -> Any:
            if str(due.delivery.command.id) == odd["id"]:
                raise ZeroDivisionError
            return await perform(due, *rest)

        monkeypatch.setattr(bench.worker, "_outcome", bug)
        await bench.settle([odd, good])
        states = []
        for _ in range(3):
            await bench.work()
            states.append(await bench.state(odd))
            bench.clock.moved *= 2
            await _until_due(bench)

        assert states == [("retrying", None), ("retrying", None), ("dead", "exhausted")]
        assert await bench.state(good) == ("done", None)
        assert [letter["error"] for letter in await bench.dead_letters()] == ["ZeroDivisionError"]


async def _until_due(bench: Delivering) -> None:
    due = await bench.pool.fetchval("SELECT max(due_at) FROM deliveries")
    if due is not None:
        bench.clock.moved += max(due - bench.clock.now(), bench.clock.moved * 0)


async def test_an_event_sent_again_after_a_week_finds_its_deferred_delivery_and_makes_no_other(
    emptied_url: str,
) -> None:
    async with delivering("tasks", emptied_url) as bench:
        prospect_id = await bench.prospect(owner="ann")
        asked = bench.asks(prospect_id, not_before="2027-06-01T00:00:00Z", recordedtime="2026-11-01T00:00:00Z")
        await bench.settle([asked])
        await bench.settle([{**asked, "recordedtime": "2026-11-20T00:00:00Z"}])
        assert (await bench.left(), await bench.dead_letters()) == (1, [])

        bench.clock.moved = timedelta(days=365)
        assert [await bench.work(), await bench.work()] == [1, 0]
        assert (await bench.state(asked), len(await bench.effects())) == (("done", None), 1)
