"""Outside commands whose effect is in the database, from intake to effect, without a broker."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from services.chassis.clock import SystemClock
from services.executors.adapters.deliveries import Intake, Work
from services.executors.adapters.ledger import Bounds
from services.executors.executor import IN_APP
from services.executors.registry import executors
from services.executors.runtime.intake import take_in
from services.executors.runtime.pipeline import Pipeline
from services.executors.runtime.worker import Worker
from services.executors.settings import Executors
from tests.integration.executors.bench import QUICK, Bench, bench_of, command

INTERACTION = {
    "uid": "5066cffe-a79b-54c4-8745-c0b9a1adbbaf",
    "type": "redirect_link.clicked",
    "subject": "pricing",
    "time": "2026-11-25T09:00:00Z",
    "data": {"amount": 3, "form": {"company": "Form Ltd"}},
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "tasks": ("create_crm_task", {"title": "Call {{ prospect.email }}", "due": {"in": "P3D"}}),
    "notify": ("notify_user", {"to": "owner", "subject": "A visit", "text": "{{ event.subject }}, {{ owner.name }}"}),
}


class LaterClock(SystemClock):
    """The system's clock, moved by tests."""

    def __init__(self) -> None:
        self.moved = timedelta()

    def now(self) -> datetime:
        return super().now() + self.moved


class Delivering(Bench):
    """One executor's intake and its worker, over a database of the test's own."""

    worker: Worker
    intake: Intake
    clock: LaterClock

    def asks(self, prospect_id: UUID, params: Mapping[str, Any] | None = None, **other: Any) -> dict[str, Any]:
        """Return a command of this executor's type."""
        action_type, usual = CASES[self.name]
        return command(prospect_id, action_type, {**usual, **(params or {})}, 9, interaction=INTERACTION, **other)

    async def work(self) -> int:
        """Let the worker carry out what is due; return how much that was."""
        return await self.worker.round()

    async def state(self, document: Mapping[str, Any]) -> tuple[str, str | None]:
        """Return how a command stands, and why."""
        return (await self.ledger())[document["id"]]

    async def effects(self) -> list[asyncpg.Record]:
        """Return the tasks or notices."""
        table = {"tasks": "tasks", "notify": "notices"}[self.name]
        return await self.pool.fetch(f"SELECT * FROM {table} ORDER BY created_at")

    async def left(self) -> int:
        """Return how many deliveries there are."""
        return int(await self.pool.fetchval("SELECT count(*) FROM deliveries"))


@asynccontextmanager
async def delivering(name: str, database_url: str, limits: Executors = QUICK) -> AsyncIterator[Delivering]:
    """Open one executor."""
    async with bench_of("tags", database_url, limits) as bench:
        executor, clock = executors()[name], LaterClock()
        most = limits.record_max_bytes
        intake = Intake(bench.pool, name, Bounds(2.0, most))
        work = Work(bench.pool, name, Bounds(2.0, most))
        opened = Delivering(name, bench.pool, Pipeline(executor, intake, partial(take_in, executor), clock, limits))
        opened.intake, opened.clock = intake, clock
        opened.worker = Worker(executor, IN_APP, work, clock, limits)
        yield opened
