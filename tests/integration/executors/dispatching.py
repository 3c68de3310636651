"""Outside commands that another system carries out, from intake to settling, without a broker and with a system of the test's."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg
import orjson

from schemas.commands.command import Command
from services.executors.adapters.attempts import Desk
from services.executors.adapters.deliveries import Intake
from services.executors.adapters.ledger import Bounds
from services.executors.core.retry import Schedule
from services.executors.executor import Executor, RemoteAction
from services.executors.ports import Answer, Later, Outcome, Prepared, Situation
from services.executors.runtime.dispatcher import Dispatcher
from services.executors.runtime.entries import Record
from services.executors.runtime.intake import take_in
from services.executors.runtime.pipeline import Pipeline
from services.executors.runtime.verdicts import Policy
from services.executors.settings import Executors, Lanes
from tests.integration.executors.bench import Bench, bench_of, command, record
from tests.integration.executors.delivering import INTERACTION, LaterClock

QUICK = Executors(
    retry_first_s=0.01,
    retry_max_s=0.05,
    delivery_poll_s=0.02,
    remote=Lanes(lease_margin_s=5.0, sweep_s=0.001, rate_per_s=10_000.0),
)
STEPS = Schedule((5.0, 60.0), timedelta(hours=1))
DONE = Answer(Outcome("done"), status="200")
EXECUTOR = Executor(
    "webhook", {"fire_webhook": RemoteAction("fire_webhook", lambda params: params["to"], lambda params: params["to"])}
)


class Other:
    """The other system, and what it is told to answer: by default that all is well."""

    timeout_s = 2.0

    def __init__(self) -> None:
        self.calls: list[tuple[UUID, bytes, int]] = []
        self.answers: deque[Answer | Exception] = deque()
        self.refusals: deque[Outcome | Later | None] = deque()
        self.rendered = 0
        self.repeats = True
        self.meanwhile: Callable[[Command], Any] | None = None

    def refuse(self, command: Command, situation: Situation, now: datetime) -> Outcome | Later | None:
        return self.refusals.popleft() if self.refusals else None

    def prepare(self, command: Command, situation: Situation) -> Prepared:
        self.rendered += 1
        return Prepared(orjson.dumps([str(command.id), situation.prospect["email"], self.rendered]))

    def repeatable(self, command: Command) -> bool:
        return self.repeats

    async def perform(self, command: Command, request: bytes, attempt: int) -> Answer:
        self.calls.append((command.id, request, attempt))
        if self.meanwhile is not None:
            await self.meanwhile(command)
        answer = self.answers.popleft() if self.answers else DONE
        if isinstance(answer, Exception):
            raise answer
        return answer


class Dispatching(Bench):
    """One remote executor's intake and dispatcher, over a database of the test's own."""

    other: Other
    clock: LaterClock
    dispatcher: Dispatcher
    limits: Executors
    policy: Policy

    def asks(self, prospect_id: UUID, to: str = "shop", **other: Any) -> dict[str, Any]:
        """Return a command to call this destination."""
        return command(prospect_id, "fire_webhook", {"to": to}, 9, interaction=INTERACTION, **other)

    def another(self) -> Dispatcher:
        """Return a further dispatcher of the same deliveries."""
        desk = Desk(self.pool, "webhook", Bounds(2.0, self.limits.record_max_bytes))
        return Dispatcher("webhook", self.other, self.policy, desk, self.clock, self.limits)

    async def work(self) -> None:
        """Let the dispatcher do all that is due."""
        await run_dry(self.dispatcher)

    def replay(self, document: Mapping[str, Any], letter_id: UUID) -> Record:
        """Return the record of a replay."""
        return record(dict(document), letter_id)

    async def state(self, document: Mapping[str, Any]) -> tuple[str, str | None]:
        """Return how a command stands, and why."""
        return (await self.ledger())[document["id"]]

    async def attempts(self) -> list[asyncpg.Record]:
        """Return what is written down of attempts."""
        return await self.pool.fetch("SELECT * FROM delivery_attempts ORDER BY started_at, number")

    async def deliveries(self) -> list[asyncpg.Record]:
        """Return what is under way."""
        return await self.pool.fetch("SELECT * FROM deliveries ORDER BY due_at")


async def run_dry(dispatcher: Dispatcher) -> None:
    """Run a dispatcher until three looks for work in a row found none that it has room for, and end what it began."""
    stopping, take, idle = asyncio.Event(), dispatcher.take, 0

    async def look() -> int:
        nonlocal idle
        busy, taken = dispatcher.busy, 0
        try:
            taken = await take()
        finally:
            idle = 0 if busy or taken or dispatcher.busy else idle + 1
            if idle == 3:
                stopping.set()
        return taken

    with patch.object(dispatcher, "take", look):
        await dispatcher.run(stopping)


@asynccontextmanager
async def dispatching(
    database_url: str, limits: Executors = QUICK, policy: Policy | None = None
) -> AsyncIterator[Dispatching]:
    """Open one."""
    async with bench_of("tags", database_url, limits) as bench:
        clock, most = LaterClock(), limits.record_max_bytes
        intake = Intake(bench.pool, "webhook", Bounds(2.0, most))
        pipeline = Pipeline(EXECUTOR, intake, partial(take_in, EXECUTOR), clock, limits)
        opened = Dispatching("webhook", bench.pool, pipeline, EXECUTOR)
        opened.other, opened.clock, opened.limits = Other(), clock, limits
        opened.policy = policy or Policy(STEPS, bugs_max=3, disabled_after=timedelta(hours=2))
        opened.dispatcher = opened.another()
        yield opened
