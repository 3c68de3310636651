"""Commands of an erased prospect: suppressed, without effect, mark or dead letter, whichever came first."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from services.console.erasure import erase
from tests.integration.executors.bench import Bench, bench_of, command
from tests.integration.executors.cases import Case, every_executor
from tests.support.eventually import eventually

SUPPRESSED = ("suppressed", "erased")


async def erased(bench: Bench, prospect: UUID) -> None:
    async with bench.pool.acquire() as tx, tx.transaction():
        await tx.fetchrow("SELECT FROM prospects WHERE id = $1 FOR UPDATE", prospect)
        await erase(tx, prospect, version=1, by="test", now=datetime.now(UTC))


@every_executor
async def test_a_command_of_an_erased_prospect_is_suppressed_and_keeps_no_bytes(case: Case, database_url: str) -> None:
    async with bench_of(case.executor, database_url) as bench:
        gone, there, unknown = await bench.prospect(), await bench.prospect(), uuid4()
        before = command(gone, case.type, case.effective(0), 1)
        await bench.settle([before])
        await erased(bench, gone)
        commands = {
            name: command(prospect, action_type, params, 2)
            for name, prospect, action_type, params in (
                ("pending", gone, case.type, case.effective(1)),
                ("wrong", gone, case.type, case.wrong),
                ("of no type", gone, "grow_wings", {}),
                ("unknown", unknown, case.type, case.effective(1)),
                ("other", there, case.type, case.effective(1)),
            )
        }
        await bench.settle([before, *commands.values()])
        await bench.settle(commands.values())
        ledger = await bench.ledger()
        assert {name: ledger[one["id"]] for name, one in commands.items()} == {
            "pending": SUPPRESSED,
            "wrong": SUPPRESSED,
            "of no type": SUPPRESSED,
            "unknown": ("dead", "unknown_prospect"),
            "other": ("done", None),
        }
        assert ledger[before["id"]] == ("done", None)
        assert [letter["prospect_id"] for letter in await bench.dead_letters()] == [str(unknown)]
        assert await bench.mark(there) == 2


async def test_a_command_that_meets_an_erasure_under_way_waits_and_is_suppressed(database_url: str) -> None:
    async with bench_of("tags", database_url) as bench:
        prospect = await bench.prospect()
        late = command(prospect, "add_tags", {"tags": ["late"]}, 1)
        async with bench.pool.acquire() as tx, tx.transaction():
            await tx.fetchrow("SELECT FROM prospects WHERE id = $1 FOR UPDATE", prospect)
            await erase(tx, prospect, version=1, by="test", now=datetime.now(UTC))
            settling = asyncio.create_task(bench.settle([late]))
            await eventually(lambda: _waits(bench))
        await settling
        assert await bench.ledger() == {late["id"]: SUPPRESSED}
        assert await bench.dead_letters() == []


async def test_bytes_under_the_key_of_an_erased_prospect_are_not_kept(database_url: str) -> None:
    async with bench_of("tags", database_url) as bench:
        prospect = await bench.prospect()
        await erased(bench, prospect)
        await bench.settle_raw(b"personal data", str(prospect).encode())
        await bench.settle_raw(b"poison", b"key")
        letters = await bench.dead_letters()
        assert [(letter["reason"], letter["key"], letter["value"]) for letter in letters] == [
            ("malformed", None, None),
            ("malformed", b"key", b"poison"),
        ]


async def _waits(bench: Bench) -> Any:
    return await bench.pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
