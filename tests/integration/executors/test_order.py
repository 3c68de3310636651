"""Random lists of record and outside actions: nothing outside starts before the record effects ahead of it have ended; a dead one
holds what does not mind, its replay releases it, its deletion suppresses it.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import services.console
from schemas.commands.command import Command
from services.chassis.sql_files import load_sql
from tests.integration.executors.bench import Bench, bench_of, command, record
from tests.integration.executors.dispatching import Dispatching, dispatching

ENDED = {"done", "no_change", "suppressed"}
DELETION = load_sql(Path(services.console.__file__).parent / "sql" / "dead_letters.sql")


@dataclass
class Lists:
    """Commands of many interactions, in the order in which an evaluator emits them."""

    of_record: list[dict[str, Any]] = field(default_factory=list)
    outside: list[dict[str, Any]] = field(default_factory=list)
    on_failure: dict[str, str] = field(default_factory=dict)
    dies: set[str] = field(default_factory=set)

    def add(self, prospect_id: UUID, dice: random.Random, bench: Dispatching) -> None:
        """Add the commands of one interaction: two to six actions, a record action in twelve of which dies."""
        ahead: dict[str, str] = {}
        for order in range(dice.randint(2, 6)):
            if dice.random() < 0.5:
                bad = dice.random() < 1 / 12
                made = command(prospect_id, "add_tags", {"tags": [] if bad else [f"t{dice.randint(0, 9)}"]}, order)
                ahead[made["id"]] = self.on_failure[made["id"]] = dice.choice(["hold", "hold", "continue"])
                self.of_record.append(made)
                if bad:
                    self.dies.add(made["id"])
            else:
                self.outside.append(bench.asks(prospect_id, to=f"shop-{dice.randint(0, 3)}", after=dict(ahead)))

    def held(self, among: set[str]) -> set[str]:
        """Return the outside commands that one of these dead record commands holds."""
        return {
            made["id"]
            for made in self.outside
            if any(each in among and mode == "hold" for each, mode in made["after"].items())
        }


@pytest.fixture
async def tags(emptied_url: str) -> AsyncIterator[Bench]:
    async with bench_of("tags", emptied_url) as opened:
        yield opened


@pytest.mark.parametrize(("count", "seed"), [(400, 1), pytest.param(10_000, 2, marks=pytest.mark.slow)])
async def test_nothing_outside_starts_before_the_record_effects_ahead_of_it(
    count: int, seed: int, emptied_url: str, tags: Bench
) -> None:
    dice = random.Random(seed)
    async with dispatching(emptied_url) as bench:
        lists = Lists()
        prospects = [await bench.prospect() for _ in range(50)]
        for _ in range(count):
            lists.add(dice.choice(prospects), dice, bench)
        early: list[UUID] = []

        async def look(made: Command) -> None:
            rows = await bench.pool.fetch(
                "SELECT command_id, state FROM command_ledger WHERE command_id = ANY ($1::uuid[])", list(made.after)
            )
            states = {row["command_id"]: row["state"] for row in rows}
            for ahead, on_failure in made.after.items():
                fine = ENDED | {"dead"} if on_failure == "continue" else ENDED
                if states.get(ahead) not in fine:
                    early.append(made.id)

        bench.other.meanwhile = look
        await _interleaved(lists, dice, bench, tags)
        for _ in range(3):
            await bench.work()

        stuck = lists.held(lists.dies)
        ledger = await bench.ledger()
        assert early == []
        assert len(lists.dies) > count / 20
        assert {made["id"] for made in lists.outside if ledger[made["id"]] == ("held", None)} == stuck
        assert {str(called) for called, _, _ in bench.other.calls} == {made["id"] for made in lists.outside} - stuck

        deleted = {each for each in sorted(lists.dies) if dice.random() < 0.5}
        replayed = lists.dies - deleted
        await _deleted(deleted, bench)
        await _replayed(replayed, lists, bench, tags)
        for _ in range(3):
            await bench.work()

        suppressed = lists.held(deleted)
        ledger = await bench.ledger()
        assert early == []
        for made in lists.outside:
            expected = ("suppressed", "dependency") if made["id"] in suppressed else ("done", None)
            assert ledger[made["id"]] == expected
        assert len(bench.other.calls) == len(lists.outside) - len(suppressed)


async def _interleaved(lists: Lists, dice: random.Random, bench: Dispatching, tags: Bench) -> None:
    """Let both executors take their topics in, in batches, now one ahead and now the other, with deliveries in between."""
    of_record, outside = list(lists.of_record), list(lists.outside)
    while of_record or outside:
        chosen, executor = (of_record, tags) if of_record and (not outside or dice.random() < 0.5) else (outside, bench)
        size = dice.choice([1, 20, 200, 500])
        await executor.settle(chosen[:size])
        del chosen[:size]
        if dice.random() < 0.2:
            await bench.work()


async def _deleted(dead: set[str], bench: Bench) -> None:
    """Delete dead letters as the console does."""
    rows = await bench.pool.fetch("SELECT id, command_id FROM dead_letters")
    ids = {str(row["command_id"]): row["id"] for row in rows}
    async with bench.pool.acquire() as connection, connection.transaction():
        await connection.execute(DELETION["delete"], [ids[each] for each in dead])
        await connection.execute(DELETION["depend"], [UUID(each) for each in dead])


async def _replayed(dead: set[str], lists: Lists, bench: Bench, tags: Bench) -> None:
    rows = await bench.pool.fetch("SELECT id, command_id FROM dead_letters")
    ids = {str(row["command_id"]): row["id"] for row in rows}
    await bench.pool.execute("UPDATE dead_letters SET replayed_at = now()")
    mended = {made["id"]: {**made, "params": {"tags": ["mended"]}} for made in lists.of_record if made["id"] in dead}
    await tags.settle_records([record(made, ids[each]) for each, made in mended.items()])
