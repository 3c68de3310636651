"""The laws that hold for every record executor, on a real database, batch by batch."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.fold import fold
from services.executors.metrics import RETRIES
from services.executors.registry import executors
from services.executors.runtime.pipeline import UnsettledError
from services.executors.settings import Executors
from tests.integration.executors.bench import QUICK, Bench, bench_of, command, record
from tests.integration.executors.cases import CASES, Case, every_executor
from tests.support.eventually import eventually


async def _expect(bench: Bench, prospect_id: UUID, case: Case, numbers: list[int]) -> None:
    """Check that exactly these commands' effects are in the record, in order."""
    expected = await bench.values(await bench.prospect())
    for number in numbers:
        expected = fold(expected, case.type, case.effective(number))
    found = await bench.values(prospect_id)
    assert found == expected
    if case.executor == "leads":
        status = await bench.pool.fetchval("SELECT status FROM leads WHERE prospect_id = $1", prospect_id)
        assert status == f"status {numbers[-1]}"


@every_executor
async def test_a_command_that_comes_again_does_nothing_again(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        prospect_id = await bench.prospect()
        commands = [command(prospect_id, case.type, case.effective(n), n + 1) for n in range(3)]
        await bench.settle([commands[0], commands[0], commands[1]])
        await bench.settle(commands)
        await bench.settle([commands[1], commands[0]])
        await _expect(bench, prospect_id, case, [0, 1, 2])
        assert await bench.mark(prospect_id) == 3
        assert len(await bench.snapshots(prospect_id)) == 1 + 3  # its creation, and one per effect


@every_executor
async def test_two_processes_with_the_same_commands_carry_them_out_once(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as one, bench_of(case.executor, emptied_url) as other:
        prospects = [await one.prospect() for _ in range(5)]
        if case.executor == "leads":
            prospects = prospects[:1]
        commands = [command(p, case.type, case.effective(n), n + 1) for n in range(8) for p in prospects]
        half = len(commands) // 2
        async with asyncio.TaskGroup() as group:
            group.create_task(one.settle(commands))
            group.create_task(other.settle(commands[:half]))
            group.create_task(other.settle(commands))
        for prospect_id in prospects:
            await _expect(one, prospect_id, case, list(range(8)))
        assert {state for state, _ in (await one.ledger()).values()} == {"done"}


@every_executor
async def test_effect_and_mark_are_one_write_of_the_row(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        prospect_id = await bench.prospect()
        await bench.settle([command(prospect_id, case.type, case.effective(0), 7)])
        created, written = await bench.snapshots(prospect_id)
        assert created["values"] != written["values"]
        assert (written["writer"], written["version"]) == ("executor", 2)
        assert written["change"] is None
        assert written["marks"] == {**created["marks"], case.executor: 7}


@every_executor
async def test_a_command_that_changes_nothing_moves_the_mark_only(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        prospect_id = await bench.prospect(**case.columns)
        before = await bench.values(prospect_id)
        commands = [command(prospect_id, case.idle_type, case.idle, order) for order in (3, 4, 5)]
        await bench.settle(commands)
        assert await bench.values(prospect_id) == before
        assert await bench.mark(prospect_id) == 5
        assert len(await bench.snapshots(prospect_id)) == 2
        assert set((await bench.ledger()).values()) == {("no_change", None)}


@every_executor
async def test_the_mark_of_a_command_without_effect_rides_on_the_next_effect(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        prospect_id = await bench.prospect()
        wrong = command(prospect_id, case.type, case.wrong, 3)
        await bench.settle([wrong, command(prospect_id, case.type, case.effective(0), 4)])
        assert await bench.mark(prospect_id) == 4
        assert len(await bench.snapshots(prospect_id)) == 2


@every_executor
async def test_parameters_that_no_record_can_take_end_dead_and_stop_nobody(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        prospect_id = await bench.prospect()
        wrong = command(prospect_id, case.type, case.wrong, 2)
        await bench.settle([command(prospect_id, case.type, case.effective(0), 1), wrong])
        await _expect(bench, prospect_id, case, [0])
        assert (await bench.ledger())[wrong["id"]] == ("dead", "permanent")
        assert await bench.mark(prospect_id) == 2
        (letter,) = await bench.dead_letters()
        assert (letter["reason"], letter["command_id"], letter["executor"]) == (
            "permanent",
            UUID(wrong["id"]),
            case.executor,
        )
        assert "x" * 50 not in letter["error"]


@every_executor
async def test_an_id_that_belongs_to_another_prospect_is_a_conflict_and_moves_the_mark(
    case: Case, emptied_url: str
) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        owner, thief, other = await bench.prospect(), await bench.prospect(), await bench.prospect()
        mine = command(owner, case.type, case.effective(0), 1)
        await bench.settle([mine, {**mine, "prospect_id": str(thief), "order": 5}])
        await bench.settle([{**mine, "prospect_id": str(other), "order": 6}])
        assert await bench.values(thief) == await bench.values(other) == await bench.values(await bench.prospect())
        assert (await bench.mark(owner), await bench.mark(thief), await bench.mark(other)) == (1, 5, 6)
        assert await bench.ledger() == {mine["id"]: ("done", None)}
        assert [letter["reason"] for letter in await bench.dead_letters()] == ["duplicate_conflict"] * 2


@every_executor
async def test_a_repeat_at_a_later_place_moves_the_mark_and_a_late_one_does_not(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        prospect_id = await bench.prospect()
        first = command(prospect_id, case.type, case.effective(0), 5)
        await bench.settle([first, {**first, "order": 8}])
        assert await bench.mark(prospect_id) == 8
        await bench.settle([{**first, "order": 9}])
        assert await bench.mark(prospect_id) == 9
        await bench.settle([first])
        assert await bench.mark(prospect_id) == 9
        await _expect(bench, prospect_id, case, [0])


async def test_a_command_that_would_make_the_record_larger_than_the_log_takes_ends_dead(emptied_url: str) -> None:
    async with bench_of("tags", emptied_url) as bench:
        full, other = (
            await bench.prospect(tags=[f"{number:04}{'€' * 96}" for number in range(660)]),
            await bench.prospect(),
        )
        large = command(full, "add_tags", {"tags": [f"{number:02}{'€' * 98}" for number in range(50)]}, 1)
        await bench.settle([large, command(other, "add_tags", {"tags": ["fine"]}, 2)])
        assert (await bench.ledger())[large["id"]] == ("dead", "permanent")
        assert (await bench.mark(full), len((await bench.values(full)).tags)) == (1, 660)
        assert (await bench.values(other)).tags == ("fine",)


async def test_an_event_sent_again_once_it_is_no_repeat_any_more_acts_again_and_once(emptied_url: str) -> None:
    async with bench_of("score", emptied_url) as bench:
        prospect_id = await bench.prospect()
        accepted = datetime(2026, 1, 1, tzinfo=UTC)
        orders = count(1)

        async def accept(days: float) -> None:
            later = {"recordedtime": (accepted + timedelta(days=days)).isoformat(), "order": next(orders)}
            await bench.settle([{**first, **later}])

        first = command(prospect_id, "adjust_score", {"op": "add", "amount": 5}, 0)
        scores = []
        for days in (0, 6.99, 7, 7, 0, 13.99, 14):
            await accept(days)
            scores.append((await bench.values(prospect_id)).score)
        assert scores == [5, 5, 10, 10, 10, 10, 15]
        assert await bench.ledger() == {first["id"]: ("done", None)}


async def test_a_batch_that_spans_the_week_carries_out_both(emptied_url: str) -> None:
    async with bench_of("score", emptied_url) as bench:
        prospect_id = await bench.prospect()
        first = command(prospect_id, "adjust_score", {"op": "add", "amount": 5}, 1, recordedtime="2026-01-01T00:00:00Z")
        again = {**first, "order": 2, "recordedtime": "2026-01-08T00:00:00Z"}
        batch = [first, {**first, "recordedtime": "2026-01-07T23:59:59Z"}, again]
        await bench.settle(batch)
        assert ((await bench.values(prospect_id)).score, await bench.mark(prospect_id)) == (10, 2)
        await bench.settle(batch)
        assert (await bench.values(prospect_id)).score == 10


async def test_a_command_that_is_new_after_a_week_is_on_record_as_what_the_edited_action_is_now(
    emptied_url: str,
) -> None:
    async with bench_of("score", emptied_url) as bench:
        plus = command(await bench.prospect(), "adjust_score", {"op": "add", "amount": 5}, 1)
        await bench.settle([{**plus, "recordedtime": "2026-01-01T00:00:00Z"}])
        await bench.pool.execute("UPDATE command_ledger SET executor = 'tags', type = 'add_tags'")
        await bench.settle([{**plus, "recordedtime": "2026-01-08T00:00:00Z", "order": 2}])
        rows = await bench.pool.fetch("SELECT executor, type FROM command_ledger")
        assert [tuple(row) for row in rows] == [("score", "adjust_score")]


@every_executor
async def test_a_prospect_who_does_not_exist_ends_the_command_dead(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        lost = command(uuid4(), case.type, case.effective(0), 1)
        await bench.settle([lost])
        assert await bench.ledger() == {lost["id"]: ("dead", "unknown_prospect")}
        assert [letter["reason"] for letter in await bench.dead_letters()] == ["unknown_prospect"]


@every_executor
async def test_poison_ends_as_dead_letters_and_the_rest_of_the_batch_is_carried_out(
    case: Case, emptied_url: str
) -> None:
    limits = Executors(record_max_bytes=20_000)
    async with bench_of(case.executor, emptied_url, limits) as bench:
        prospect_id = await bench.prospect()

        def fresh(order: int, **changes: Any) -> dict[str, Any]:
            return command(prospect_id, case.type, case.effective(0), order, **changes)

        poison: list[tuple[Any, str]] = [
            (b"{no json", "malformed"),
            (b"[1]", "malformed"),
            (None, "malformed"),
            (b"\xff\xfe", "malformed"),
            ({"schema": 1}, "malformed"),
            ({**fresh(1), "order": "first"}, "malformed"),
            ({**fresh(1), "action_id": "a\x00b"}, "malformed"),
            ({**fresh(1), "recordedtime": "2026-01-31T10:00:00"}, "malformed"),
            (b"x" * 20_001, "oversize"),
            (fresh(1, type="grow_wings"), "unknown_type"),
            (fresh(2, schema=2), "unknown_schema"),
            ({"schema": 2, "shape": "other"}, "unknown_schema"),
        ]
        good = fresh(9)
        await bench.settle([value for value, _ in poison] + [good])
        letters = await bench.dead_letters()
        assert [letter["reason"] for letter in letters] == [reason for _, reason in poison]
        assert letters[0]["value"] == b"{no json"
        assert len(letters[8]["value"]) == 20_000
        await _expect(bench, prospect_id, case, [0])
        assert sorted((await bench.ledger()).values()) == [
            ("dead", "unknown_schema"),
            ("dead", "unknown_type"),
            ("done", None),
        ]


@every_executor
async def test_of_a_prospect_whose_commands_are_all_unknown_the_mark_still_moves(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        prospect_id = await bench.prospect()
        await bench.settle(
            [command(prospect_id, "grow_wings", {}, 4), command(prospect_id, case.type, {}, 6, schema=2)]
        )
        assert await bench.mark(prospect_id) == 6


async def _refuse(bench: Bench, prospect_id: UUID, state: str, times: int | None = None) -> None:
    """Let every write of a new value to this row fail with this SQLSTATE, for ever or so many times."""
    limit = "true" if times is None else f"nextval('failures') <= {times}"
    await bench.pool.execute(f"""
        CREATE SEQUENCE failures;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.id = '{prospect_id}' AND prospect_values(NEW) <> prospect_values(OLD) AND {limit} THEN
                RAISE EXCEPTION 'secret value' USING ERRCODE = '{state}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON prospects FOR EACH ROW EXECUTE FUNCTION refuse();
    """)


PERMANENT = [("22003", "permanent"), ("23514", "permanent"), ("XX000", "exhausted")]
RETRYABLE = [("08006",), ("40001",), ("40P01",), ("53300",), ("55P03",), ("57014",), ("42501",)]


def _of_each_a_few(kinds: Sequence[tuple[str, ...]]) -> list[Any]:
    """Return every kind of error for one executor and one kind for each of the others."""
    pairs = [(CASES[0], kind) for kind in kinds] + [(case, kinds[n % len(kinds)]) for n, case in enumerate(CASES[1:])]
    return [pytest.param(case, *kind, id=f"{case.executor}-{kind[0]}") for case, kind in pairs]


@pytest.mark.parametrize(("case", "state", "reason"), _of_each_a_few(PERMANENT))
async def test_what_the_database_always_refuses_is_found_and_the_others_are_done_in_order(
    case: Case, state: str, reason: str, emptied_url: str
) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        bad, good = await bench.prospect(), await bench.prospect()
        await _refuse(bench, bad, state)
        batch = [command(good, case.type, case.effective(n), n + 1) for n in range(9)]
        refused = command(bad, case.type, case.effective(0), 5)
        await bench.settle([*batch[:4], refused, *batch[4:]])
        await _expect(bench, good, case, list(range(9)))
        ledger = await bench.ledger()
        assert ledger.pop(refused["id"]) == ("dead", reason)
        assert set(ledger.values()) == {("done", None)}
        assert await bench.mark(bad) == 5
        (letter,) = await bench.dead_letters()
        assert letter["reason"] == reason
        assert "secret" not in letter["error"]


@pytest.mark.parametrize(("case", "state"), _of_each_a_few(RETRYABLE))
async def test_what_may_work_later_is_tried_until_it_does(case: Case, state: str, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        prospect_id = await bench.prospect()
        await _refuse(bench, prospect_id, state, times=5)
        await bench.settle([command(prospect_id, case.type, case.effective(n), n + 1) for n in range(3)])
        await _expect(bench, prospect_id, case, [0, 1, 2])
        assert set((await bench.ledger()).values()) == {("done", None)}
        assert not await bench.dead_letters()


@every_executor
async def test_a_row_that_somebody_holds_is_waited_for_also_when_the_connection_is_lost(
    case: Case, emptied_url: str
) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        prospect_id = await bench.prospect()
        async with bench.pool.acquire() as holder:
            held = holder.transaction()
            await held.start()
            await holder.execute("SELECT FROM prospects WHERE id = $1 FOR UPDATE", prospect_id)
            settling = asyncio.ensure_future(bench.settle([command(prospect_id, case.type, case.effective(0), 1)]))
            waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            pid = await eventually(lambda: bench.pool.fetchval(waiting))
            await bench.pool.execute("SELECT pg_terminate_backend($1)", pid)
            again = f"{waiting} AND pid <> {pid}"
            await eventually(lambda: bench.pool.fetchval(again))
            assert not settling.done()
            await held.rollback()
        await asyncio.wait_for(settling, 10)
        await _expect(bench, prospect_id, case, [0])


async def test_without_a_place_for_dead_letters_the_batch_is_not_left(database_url: str) -> None:
    async with bench_of("tags", database_url) as bench:
        await bench.pool.execute("ALTER TABLE dead_letters RENAME TO elsewhere")
        settling = asyncio.ensure_future(bench.settle([b"poison"]))
        await eventually(lambda: _retries("tags") >= 3)
        assert not settling.done()
        await bench.pool.execute("ALTER TABLE elsewhere RENAME TO dead_letters")
        await asyncio.wait_for(settling, 10)
        assert [letter["reason"] for letter in await bench.dead_letters()] == ["malformed"]


def _retries(executor: str) -> float:
    return float(RETRIES.labels(executor, "database")._value.get())


async def test_a_dead_letter_that_can_never_be_written_stops_the_process(database_url: str) -> None:
    async with bench_of("tags", database_url) as bench:
        await bench.pool.execute("ALTER TABLE dead_letters ADD CHECK (executor <> 'tags')")
        with pytest.raises(UnsettledError):
            await bench.settle([b"poison"])


async def test_a_command_that_cannot_even_be_settled_as_dead_leaves_its_bytes(database_url: str) -> None:
    async with bench_of("tags", database_url) as bench:
        bad, good = await bench.prospect(), await bench.prospect()
        await bench.pool.execute("ALTER TABLE command_ledger ADD CHECK (action_id <> 'never')")
        lost = command(bad, "add_tags", {"tags": ["a"]}, 1, action_id="never")
        await bench.settle([lost, command(good, "add_tags", {"tags": ["a"]}, 2)])
        assert (await bench.values(good)).tags == ("a",)
        (letter,) = await bench.dead_letters()
        assert (letter["reason"], letter["uid"]) == ("permanent", None)
        assert lost["id"] not in await bench.ledger()


async def test_a_dead_letter_is_one_however_often_its_record_is_read(database_url: str) -> None:
    async with bench_of("tags", database_url) as bench:
        poison = record(b"poison")
        await bench.settle_records([poison, record(b"other")])
        await bench.settle_records([poison])
        assert len(await bench.dead_letters()) == 2


def test_every_executor_of_the_registry_is_held_to_these_laws() -> None:
    assert {case.executor for case in CASES} == {name for name, each in executors().items() if each.of_record}
    assert QUICK.bug_attempts_max == Executors().bug_attempts_max
