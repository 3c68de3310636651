"""Tasks and leads are pushed to the workspace's CRM: a command of the webhook executor in the transaction that makes them."""

from typing import Any
from uuid import UUID

import orjson
import pytest

from schemas.commands.push import PushToCrmParams
from services.executors.registry import executors
from services.executors.runtime.entries import Entry, read
from tests.integration.executors.bench import Bench, bench_of, command, record
from tests.integration.executors.delivering import delivering

URL = "https://crm.example/hook"


async def _configure(bench: Bench, *records: str) -> None:
    await bench.pool.execute(
        "INSERT INTO crm_push (url, headers, auth, records, updated_at) VALUES ($1, $2, $3, $4, now())",
        URL,
        {"x-source": "finish"},
        {"type": "bearer", "secret": "env:FA_SECRET_CRM"},
        list(records),
    )


async def _pushes(bench: Bench) -> list[dict[str, Any]]:
    rows = await bench.pool.fetch("SELECT * FROM outbox WHERE aggregatetype = 'commands.webhook' ORDER BY seq")
    for row in rows:
        assert row["aggregateid"] == row["payload"]["prospect_id"]
        entry = read(record(orjson.dumps(row["payload"])), executors()["webhook"], 100_000)
        assert isinstance(entry, Entry)
        assert entry.refusal is None
    return [row["payload"] for row in rows]


def _converts(prospect_id: UUID, order: int, **params: Any) -> dict[str, Any]:
    lead_id = str(UUID(int=prospect_id.int ^ 1))
    effect = {"lead_id": lead_id, "status": "new", "owner": None, "source": None, "on_existing": "update"} | params
    return command(prospect_id, "convert_to_lead", effect, order)


async def test_a_lead_is_pushed_when_it_is_made_and_when_it_changes_and_only_then(database_url: str) -> None:
    async with bench_of("leads", database_url) as bench:
        await _configure(bench, "lead")
        prospect = await bench.prospect(email="pia@example.com")
        made, same, changed = (
            _converts(prospect, 1, owner="ann"),
            _converts(prospect, 2, owner="ann"),
            _converts(prospect, 3, owner="ann", status="hot"),
        )
        await bench.settle([made, same, changed])
        await bench.settle([made, changed])
        first, second = await _pushes(bench)
        assert (first["uid"], second["uid"]) == (made["uid"], changed["uid"])
        assert len({first["id"], second["id"], made["id"], changed["id"]}) == 4
        params = PushToCrmParams.model_validate(first["params"])
        assert (params.url, params.kind, params.auth.secret) == (URL, "lead", "env:FA_SECRET_CRM")
        assert params.record["id"] == made["params"]["lead_id"] == second["params"]["record"]["id"]
        assert params.record["owner"] == {"id": "ann", "name": "ann", "email": "ann"}
        assert [push["params"]["record"]["status"] for push in (first, second)] == ["new", "hot"]


async def test_a_command_that_dies_pushes_nothing_and_its_replay_once(database_url: str) -> None:
    async with bench_of("leads", database_url) as bench:
        await _configure(bench, "lead")
        prospect = await bench.prospect()
        dies = _converts(prospect, 1, owner="nobody")
        await bench.settle([dies])
        assert await _pushes(bench) == []
        (letter,) = await bench.dead_letters()
        await bench.pool.execute(
            "INSERT INTO users (id, name, email) VALUES ('nobody', 'N', 'n') ON CONFLICT DO NOTHING"
        )
        await bench.ask(letter["id"])
        replay = record(dies, letter["id"])
        await bench.settle_records([replay])
        await bench.settle_records([replay])
        assert [push["uid"] for push in await _pushes(bench)] == [dies["uid"]]
        await bench.pool.execute("DELETE FROM leads; DELETE FROM users WHERE id = 'nobody'")


@pytest.mark.parametrize("records", [(), ("task",)])
async def test_without_a_push_of_leads_none_is_made(records: tuple[str, ...], database_url: str) -> None:
    async with bench_of("leads", database_url) as bench:
        if records:
            await _configure(bench, *records)
        await bench.settle([_converts(await bench.prospect(), 1)])
        assert await _pushes(bench) == []


async def test_a_task_is_pushed_in_the_transaction_that_makes_it(database_url: str) -> None:
    async with delivering("tasks", database_url) as bench:
        await _configure(bench, "task", "lead")
        asked = bench.asks(await bench.prospect(owner="ann"))
        await bench.settle([asked])
        assert await _pushes(bench) == []
        await bench.work()
        await bench.settle([asked])
        await bench.work()
        (push,) = await _pushes(bench)
        task = push["params"]["record"]
        assert (task["id"], push["uid"], push["params"]["kind"]) == (asked["id"], asked["uid"], "task")
        assert task["assignee"]["id"] == "ann"
        assert set(task) >= {"title", "body", "due_at", "priority", "status", "lead_id", "created_at"}
