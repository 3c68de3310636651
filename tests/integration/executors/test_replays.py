"""The replay of a dead letter, for every record executor on a real database: carried out once, on the record as it is then."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.fold import fold
from schemas.identity import position_id
from services.executors.metrics import EVENT_TO_EFFECT_SECONDS, REPLAYS
from tests.integration.executors.bench import Bench, bench_of, command, record
from tests.integration.executors.cases import CASES, Case, every_executor
from tests.support.eventually import eventually

TAGS = next(case for case in CASES if case.executor == "tags")


async def _dead(bench: Bench, case: Case, prospect_id: UUID | None = None) -> tuple[dict[str, Any], UUID]:
    """Let the first command of a prospect who does not exist yet end dead; return it with its letter, its replay asked for."""
    lost = command(prospect_id or uuid4(), case.type, case.effective(0), 3)
    await bench.settle([lost])
    (letter,) = await bench.dead_letters()
    await bench.ask(letter["id"])
    return lost, letter["id"]


async def _come_true(bench: Bench, lost: Mapping[str, Any]) -> UUID:
    """Create the prospect that was missing."""
    await bench.pool.execute("INSERT INTO prospects (id) VALUES ($1)", UUID(lost["prospect_id"]))
    return UUID(lost["prospect_id"])


async def _attempts(bench: Bench) -> int:
    return int(await bench.pool.fetchval("SELECT attempts FROM command_ledger"))


def _counted(case: Case, outcome: str) -> float:
    return float(REPLAYS.labels(case.executor, outcome)._value.get())


@every_executor
async def test_a_dead_command_is_carried_out_once_on_the_record_as_it_is_then(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        lost, letter = await _dead(bench, case)
        prospect_id = await _come_true(bench, lost)
        later = command(prospect_id, case.type, case.effective(1), 9)
        await bench.settle([later])
        before, waited = _counted(case, "done"), EVENT_TO_EFFECT_SECONDS.labels(case.executor)._sum.get()
        replay = record(lost, letter)
        await bench.settle_records([replay])

        expected = fold(await bench.values(await bench.prospect()), case.type, case.effective(1))
        assert await bench.values(prospect_id) == fold(expected, case.type, case.effective(0))
        assert await bench.mark(prospect_id) == 9
        *_, written = await bench.snapshots(prospect_id)
        assert (written["writer"], written["change"], written["version"]) == ("executor", None, 3)
        assert (await bench.ledger())[lost["id"]] == ("done", None)
        assert await bench.dead_letters() == []
        assert _counted(case, "done") == before + 1
        assert EVENT_TO_EFFECT_SECONDS.labels(case.executor)._sum.get() == waited

        await bench.settle_records([replay, record(lost, letter), record(lost)])
        assert len(await bench.snapshots(prospect_id)) == 3
        assert await bench.dead_letters() == []


@every_executor
async def test_dead_again_it_is_the_same_letter_with_one_attempt_more(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        prospect_id = await bench.prospect()
        wrong = command(prospect_id, case.type, case.wrong, 3)
        first = record(wrong)
        await bench.settle_records([first])
        await bench.ask(first.id)
        again = record(wrong, first.id)
        await bench.settle_records([again, record(wrong, first.id)])
        (letter,) = await bench.dead_letters()
        assert (letter["id"], letter["attempts"], letter["replayed_at"]) == (first.id, 2, None)
        assert letter["offset"] == again.offset
        assert await bench.ledger() == {wrong["id"]: ("dead", "permanent")}
        assert await _attempts(bench) == 2
        await bench.settle_records([first, again])
        assert [letter["attempts"] for letter in await bench.dead_letters()] == [2]
        assert await bench.mark(prospect_id) == 3


@every_executor
async def test_a_replay_without_effect_ends_its_letter_too(case: Case, emptied_url: str) -> None:
    async with bench_of(case.executor, emptied_url) as bench:
        idle = command(uuid4(), case.idle_type, case.idle, 3)
        await bench.settle([idle])
        (letter,) = await bench.dead_letters()
        await bench.ask(letter["id"])
        await bench.pool.execute(
            f"INSERT INTO prospects ({', '.join(['id', *case.columns])})"
            f" VALUES ({', '.join(f'${n}' for n in range(1, len(case.columns) + 2))})",
            UUID(idle["prospect_id"]),
            *case.columns.values(),
        )
        await bench.settle_records([record(idle, letter["id"])])
        assert await bench.ledger() == {idle["id"]: ("no_change", None)}
        assert await bench.dead_letters() == []


async def test_one_that_was_deleted_meanwhile_is_not_carried_out(emptied_url: str) -> None:
    async with bench_of("tags", emptied_url) as bench:
        lost, letter = await _dead(bench, TAGS)
        prospect_id = await _come_true(bench, lost)
        await bench.pool.execute("DELETE FROM dead_letters")
        await bench.settle_records([record(lost, letter)])
        assert (await bench.values(prospect_id)).tags == ()
        assert await bench.ledger() == {lost["id"]: ("dead", "unknown_prospect")}
        assert await bench.dead_letters() == []


async def test_whoever_deletes_it_first_is_waited_for(emptied_url: str) -> None:
    async with bench_of("tags", emptied_url) as bench:
        lost, letter = await _dead(bench, TAGS)
        prospect_id = await _come_true(bench, lost)
        async with bench.pool.acquire() as deleter:
            deletion = deleter.transaction()
            await deletion.start()
            await deleter.execute("DELETE FROM dead_letters")
            settling = asyncio.ensure_future(bench.settle_records([record(lost, letter)]))
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            await eventually(lambda: bench.pool.fetchval(waiting))
            await deletion.commit()
        await asyncio.wait_for(settling, 10)
        assert (await bench.values(prospect_id)).tags == ()


@pytest.mark.parametrize("asked", [False, True])
async def test_without_being_asked_for_a_replay_does_nothing(emptied_url: str, asked: bool) -> None:
    async with bench_of("tags", emptied_url) as bench:
        lost, letter = await _dead(bench, TAGS)
        prospect_id = await _come_true(bench, lost)
        if not asked:
            await bench.pool.execute("UPDATE dead_letters SET replayed_at = NULL")
        await bench.settle_records([record(lost, letter)])
        assert ((await bench.values(prospect_id)).tags == ()) is not asked
        assert len(await bench.dead_letters()) == (not asked)


async def test_two_processes_with_the_same_replay_carry_it_out_once(emptied_url: str) -> None:
    async with bench_of("score", emptied_url) as one, bench_of("score", emptied_url) as other:
        score = next(case for case in CASES if case.executor == "score")
        lost, letter = await _dead(one, score)
        prospect_id = await _come_true(one, lost)
        async with asyncio.TaskGroup() as group:
            for bench in (one, other, one, other):
                group.create_task(bench.settle_records([record(lost, letter)]))
        assert (await one.values(prospect_id)).score == 1
        assert len(await one.snapshots(prospect_id)) == 2
        assert await one.dead_letters() == []


async def test_bytes_that_are_no_command_are_the_same_letter_again_until_they_can_be_read(emptied_url: str) -> None:
    async with bench_of("tags", emptied_url) as bench:
        prospect_id = await bench.prospect()
        poison = record(b"poison")
        await bench.settle_records([poison])
        await bench.ask(poison.id)
        await bench.settle_records([poison, record(b"poison", poison.id), record(b"other")])
        first, second = await bench.dead_letters()
        assert (first["id"], first["attempts"], second["attempts"]) == (poison.id, 2, 1)
        assert poison.id == UUID(position_id(poison.topic, 0, poison.offset))

        await bench.ask(poison.id)  # a newer version reads what an older one could not
        await bench.settle_records([record(command(prospect_id, "add_tags", {"tags": ["a"]}, 4), poison.id)])
        assert (await bench.values(prospect_id)).tags == ("a",)
        assert [letter["id"] for letter in await bench.dead_letters()] == [second["id"]]


async def test_an_id_of_another_prospect_is_a_conflict_again_and_leaves_that_ones_command_alone(
    emptied_url: str,
) -> None:
    async with bench_of("tags", emptied_url) as bench:
        thief = await bench.prospect()
        lost, letter = await _dead(bench, TAGS)
        stolen = {**lost, "prospect_id": str(thief)}
        taken = record(stolen)
        await bench.settle_records([taken])
        await bench.ask(taken.id)
        await bench.settle_records([record(stolen, taken.id)])
        kept = {row["id"]: (row["reason"], row["attempts"]) for row in await bench.dead_letters()}
        assert kept == {letter: ("unknown_prospect", 1), taken.id: ("duplicate_conflict", 2)}
        assert await bench.ledger() == {lost["id"]: ("dead", "unknown_prospect")}
        assert (await bench.values(thief)).tags == ()
