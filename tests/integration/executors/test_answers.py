"""Parts of a function's answer become fields: another writer's change, which carries the depth of its cause."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.executors.ports import Answer, Outcome
from tests.integration.executors.dispatching import Dispatching, dispatching


@pytest.fixture
async def bench(emptied_url: str) -> AsyncIterator[Dispatching]:
    async with dispatching(emptied_url) as opened:
        await opened.pool.execute(
            "INSERT INTO fields (name, type, label, options, personal) VALUES"
            " ('employees', 'number', 'Employees', '[]', false), ('size', 'picklist', 'Size', '[\"small\", \"large\"]', false)"
            " ON CONFLICT DO NOTHING"
        )
        await opened.pool.execute("TRUNCATE outbox")
        yield opened


def _answer(**writes: Any) -> Answer:
    return Answer(Outcome("done"), "200", writes=writes)


async def test_it_is_written_as_the_functions_change_with_depth_and_cause(bench: Dispatching) -> None:
    prospect = await bench.prospect(email="ann@example.org", fields={"title": "CTO", "phone": "1"})
    asked = bench.asks(prospect, depth=2)
    bench.other.answers.append(_answer(company="Ltd", employees=12.0, size="LARGE", phone=None))
    await bench.settle([asked])
    await bench.work()

    assert await bench.state(asked) == ("done", None)
    fields = await bench.pool.fetchval("SELECT fields FROM prospects WHERE id = $1", prospect)
    assert fields == {"title": "CTO", "company": "Ltd", "employees": 12, "size": "large"}
    snapshot = (await bench.snapshots(prospect))[-1]
    change = snapshot["change"]
    assert (snapshot["writer"], change["by"], change["depth"], change["causedby"]) == (
        "lambda",
        "lambda",
        3,
        asked["uid"],
    )
    assert change["before"]["fields"] == {"title": "CTO", "phone": "1"}


async def test_what_does_not_fit_is_left_out_and_named_without_its_value(bench: Dispatching) -> None:
    prospect = await bench.prospect()
    asked = bench.asks(prospect)
    bench.other.answers.append(_answer(company=7, employees="secret", size="huge", nothing="x", title="CTO"))
    await bench.settle([asked])
    await bench.work()

    assert await bench.state(asked) == ("done", None)
    assert await bench.pool.fetchval("SELECT fields FROM prospects") == {"title": "CTO"}
    error = await bench.pool.fetchval("SELECT error FROM command_ledger")
    assert error == "its answer does not fit: company, employees, nothing, size"


async def test_what_changes_nothing_makes_no_snapshot(bench: Dispatching) -> None:
    prospect = await bench.prospect(fields={"title": "CTO"})
    before = len(await bench.snapshots(prospect))
    bench.other.answers.append(_answer(title="CTO"))
    await bench.settle([bench.asks(prospect)])
    await bench.work()
    assert len(await bench.snapshots(prospect)) == before


async def test_the_next_change_of_the_same_transaction_is_not_the_functions(bench: Dispatching) -> None:
    prospects = [await bench.prospect() for _ in range(3)]
    for place, prospect in enumerate(prospects):
        bench.other.answers.append(_answer(title=f"T{place}"))
        await bench.settle([bench.asks(prospect, depth=place)])
    await bench.work()
    depths = {(await bench.snapshots(prospect))[-1]["change"]["depth"] for prospect in prospects}
    assert depths == {1, 2, 3}


async def test_of_a_prospect_erased_meanwhile_nothing_is_written(bench: Dispatching) -> None:
    prospect = await bench.prospect()
    asked = bench.asks(prospect)

    async def erase(_: object) -> None:
        await bench.pool.execute("DELETE FROM deliveries WHERE prospect_id = $1", prospect)
        await bench.pool.execute("DELETE FROM prospects WHERE id = $1", prospect)

    bench.other.meanwhile = erase
    bench.other.answers.append(_answer(title="CTO"))
    await bench.settle([asked])
    await bench.work()
    assert await bench.pool.fetchval("SELECT count(*) FROM prospects") == 0
