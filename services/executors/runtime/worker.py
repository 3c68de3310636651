"""Carries out deliveries whose effect is in the database, too: effect, end of the command and end of the delivery are one
transaction, so each is carried out once, whoever dies.

A delivery that fails does not fail the others of its batch: one that can never succeed ends dead, and a bug is tried again
later a few times first. Prospects that were erased meanwhile get nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, NoReturn, Protocol
from uuid import UUID

import structlog

from core.templates import scopes
from services.chassis.backoff import Backoff
from services.chassis.clock import Clock
from services.chassis.errors import PermanentError, RetryableError
from services.chassis.failpoints import failpoint
from services.executors import metrics
from services.executors.executor import Executor, LocalAction
from services.executors.ports import DeliveryTransaction, Due, Outcome, Situation
from services.executors.runtime.counting import count
from services.executors.runtime.letters import letter_of
from services.executors.settings import Executors

log = structlog.get_logger()

Known = Mapping[UUID, tuple[Mapping[str, Any], Mapping[str, Any] | None]]
"""Prospects with their owners."""


class Work(Protocol):
    """Where transactions come from. Leaving one normally commits it."""

    def transaction(self, now: datetime) -> AbstractAsyncContextManager[DeliveryTransaction]:
        """Begin one at `now`."""
        ...


class Worker:
    """Carries out one executor's deliveries of one destination. Any number may run, here and elsewhere."""

    def __init__(self, executor: Executor, destination: str, work: Work, clock: Clock, limits: Executors) -> None:
        self._executor, self._destination, self._work = executor, destination, work
        self._clock, self._limits = clock, limits
        self._backoff = Backoff(limits.retry_first_s, limits.retry_max_s)

    async def run(self) -> NoReturn:
        """Work until cancelled."""
        failures = 0
        while True:
            try:
                taken = await self.round()
                failures = 0
            except RetryableError as exc:
                failures += 1
                metrics.RETRIES.labels(self._executor.name, "database").inc()
                log.warning("deliveries_retried", executor=self._executor.name, reason=exc.reason, failures=failures)
                await asyncio.sleep(self._backoff.delay_s(failures))
                continue
            if taken < self._limits.delivery_batch_max:
                await asyncio.sleep(self._limits.delivery_poll_s)

    async def round(self) -> int:
        """Carry out what is due, as much as one transaction takes, and return how much that was."""
        failpoint(f"executor.{self._executor.name}.before-delivery")
        now = self._clock.now()
        async with self._work.transaction(now) as tx:
            taken = await tx.due(self._destination, self._limits.delivery_batch_max)
            ended = await self._carried_out(taken, tx, now)
            failpoint(f"executor.{self._executor.name}.before-delivered")
        failpoint(f"executor.{self._executor.name}.after-delivered")
        count(self._executor.name, [(due.delivery, outcome) for due, outcome in ended], self._clock.now())
        return len(taken)

    async def _carried_out(
        self, taken: Sequence[Due], tx: DeliveryTransaction, now: datetime
    ) -> list[tuple[Due, Outcome]]:
        if not taken:
            return []
        known = await tx.prospects({due.delivery.command.prospect_id for due in taken})
        ended: list[tuple[Due, Outcome]] = []
        for due in taken:
            try:
                ended.append((due, await self._outcome(due, known, tx)))
            except RetryableError:
                raise
            except PermanentError as exc:
                ended.append((due, Outcome("dead", "permanent", exc.reason)))
            except Exception as exc:  # the one place: a bug stops one delivery, not the others
                log.exception("delivery_failed", executor=self._executor.name, attempts=due.attempts + 1)
                metrics.RETRIES.labels(self._executor.name, "bug").inc()
                if due.attempts + 1 >= self._limits.bug_attempts_max:
                    ended.append((due, Outcome("dead", "exhausted", type(exc).__name__)))
                else:
                    later = timedelta(seconds=self._backoff.delay_s(due.attempts + 1))
                    await tx.retry(due, now + later, type(exc).__name__)
        await self._end(ended, tx)
        return ended

    async def _outcome(self, due: Due, known: Known, tx: DeliveryTransaction) -> Outcome:
        command = due.delivery.command
        action = self._executor.actions[command.type]
        if not isinstance(action, LocalAction):
            raise TypeError(f"{action.type} is not delivered")
        if command.prospect_id not in known:
            return Outcome("suppressed", "erased", attempts=0)
        prospect, owner = known[command.prospect_id]
        seen = scopes(prospect, owner, command.interaction or {})
        operands = action.prepare(command.params, Situation(prospect, command.recordedtime, seen))
        return await tx.perform(command.type, due, operands)

    async def _end(self, ended: Sequence[tuple[Due, Outcome]], tx: DeliveryTransaction) -> None:
        if not ended:
            return
        await tx.end({due.delivery.command.id: outcome for due, outcome in ended})
        if letters := [
            letter_of(due.delivery, outcome, due.attempts + 1) for due, outcome in ended if outcome.state == "dead"
        ]:
            await tx.bury(letters)
        over = {
            due.delivery.replay_of
            for due, outcome in ended
            if due.delivery.replay_of is not None and outcome.state != "dead"
        }
        if over:
            await tx.forget(over)
