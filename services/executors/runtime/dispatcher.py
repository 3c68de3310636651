"""Carries out deliveries in other systems: takes what is due where there is room, makes the attempts side by side, and settles
them in groups.

Whoever dies leaves leases that end by themselves: the attempt is made again with the same id and bytes, or, where that must
not be, ends as `uncertain`. A result that comes after its lease was taken over changes nothing.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from services.chassis.backoff import Backoff
from services.chassis.clock import Clock
from services.chassis.errors import PermanentError, RetryableError
from services.chassis.failpoints import failpoint
from services.executors import metrics
from services.executors.ports import (
    KEPT,
    Again,
    Answer,
    Attempt,
    Ending,
    Outcome,
    Remote,
    RemoteTransaction,
    UncertainError,
)
from services.executors.runtime.claiming import Claims
from services.executors.runtime.counting import count
from services.executors.runtime.lanes import Lanes
from services.executors.runtime.letters import letter_of
from services.executors.runtime.verdicts import Attempted, Policy, verdict
from services.executors.settings import Executors

log = structlog.get_logger()


class Desk(Protocol):
    """Where the work is found. Leaving a transaction normally commits it."""

    async def destinations(self, now: datetime) -> Sequence[str]:
        """Return where something is due."""
        ...

    def transaction(self, now: datetime) -> AbstractAsyncContextManager[RemoteTransaction]:
        """Begin one at `now`."""
        ...


class Dispatcher:
    """Carries out one executor's remote deliveries. Any number may run, here and elsewhere."""

    def __init__(
        self, executor: str, remote: Remote, policy: Policy, desk: Desk, clock: Clock, limits: Executors
    ) -> None:
        self._executor, self._remote, self._policy, self._desk = executor, remote, policy, desk
        self._clock, self._limits = clock, limits
        self._backoff = Backoff(limits.retry_first_s, limits.retry_max_s)
        self._claims = Claims(
            remote,
            executor,
            bugs_max=limits.bug_attempts_max,
            bug_delay_s=self._backoff.delay_s(limits.bug_attempts_max),
        )
        self._lanes = Lanes(limits.remote)
        self._attempts: set[asyncio.Task[None]] = set()
        self._over: list[Attempted] = []
        self._work, self._results = asyncio.Event(), asyncio.Event()
        self._sweep_at_s = 0.0
        self._failures = 0

    @property
    def busy(self) -> bool:
        """Whether attempts are under way, or not settled yet."""
        return bool(self._attempts or self._over)

    def wake(self) -> None:
        """Look for work at once: some has come, or room for it."""
        self._work.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop; then end the attempts that are under way."""
        settler = asyncio.create_task(self._settle_on())
        stop = asyncio.create_task(stopping.wait())
        try:
            while not (stopping.is_set() or settler.done()):
                await self._once(stop)
            while self.busy and not settler.done():
                await asyncio.wait({settler, *self._attempts}, timeout=self._limits.delivery_poll_s)
            if settler.done():
                settler.result()
        finally:
            for task in (settler, stop, *self._attempts):
                task.cancel()
            await asyncio.gather(settler, stop, *self._attempts, return_exceptions=True)

    async def _once(self, stop: asyncio.Task[bool]) -> None:
        self._work.clear()
        try:
            taken = await self.take()
            await self._sweep()
            self._failures = 0
        except RetryableError as exc:
            self._failures += 1
            metrics.RETRIES.labels(self._executor, "database").inc()
            log.warning("deliveries_retried", executor=self._executor, reason=exc.reason, failures=self._failures)
            await asyncio.wait([stop], timeout=self._backoff.delay_s(self._failures))
            return
        if taken:
            await asyncio.wait([stop], timeout=self._limits.remote.gather_s)
        else:
            woken = asyncio.create_task(self._work.wait())
            await asyncio.wait([stop, woken], timeout=self._limits.delivery_poll_s, return_when=asyncio.FIRST_COMPLETED)
            woken.cancel()

    async def take(self) -> int:
        """Take what is due and begin it, and return how much that was."""
        now = self._clock.now()
        rooms = self._lanes.rooms(await self._desk.destinations(now))
        metrics.DESTINATIONS_OPEN.labels(self._executor).set(self._lanes.open())
        if not rooms:
            return 0
        failpoint(f"executor.{self._executor}.before-claim")
        until = now + timedelta(seconds=self._remote.timeout_s + self._limits.remote.lease_margin_s)
        async with self._desk.transaction(now) as tx:
            taken = await tx.take(rooms, now + self._policy.schedule.deadline)
            claimed = await self._claims.decided(taken, tx, now, until)
            await _close(claimed.endings, tx)
            failpoint(f"executor.{self._executor}.before-begun")
        failpoint(f"executor.{self._executor}.after-begun")
        self._count(claimed.endings)
        for attempt in claimed.attempts:
            await self._lanes.begin(attempt.taken.delivery.destination)
            task = asyncio.create_task(self._attempt(attempt))
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)
        return len(taken)

    async def _attempt(self, attempt: Attempt) -> None:
        taken = attempt.taken
        command = taken.delivery.command
        result: Answer | Exception
        try:
            async with asyncio.timeout(self._remote.timeout_s):
                result = await self._remote.perform(command, attempt.request, taken.attempts + 1)
        except TimeoutError:
            result = UncertainError("the attempt took too long")
        except (RetryableError, PermanentError) as exc:
            result = exc
        except Exception as exc:  # the one place: a bug stops one delivery, not the others
            log.exception("delivery_failed", executor=self._executor, attempts=taken.attempts + 1)
            metrics.RETRIES.labels(self._executor, "bug").inc()
            result = exc
        failpoint(f"executor.{self._executor}.after-attempt")
        attempted = Attempted(taken, result, self._remote.repeatable(command))
        self._lanes.end(taken.delivery.destination, well=attempted.well)
        metrics.ATTEMPTS.labels(self._executor, "answered" if attempted.well else "failed").inc()
        self._over.append(attempted)
        self._results.set()
        self._work.set()

    async def _settle_on(self) -> None:
        failures = 0
        while True:
            await self._results.wait()
            self._results.clear()
            try:
                while self._over:
                    group = self._over[: self._limits.remote.settled_max]
                    await self._settle_patiently(group)
                    del self._over[: len(group)]
                failures = 0
            except RetryableError as exc:
                failures += 1
                metrics.RETRIES.labels(self._executor, "database").inc()
                log.warning("deliveries_unsettled", executor=self._executor, reason=exc.reason, failures=failures)
                await asyncio.sleep(self._backoff.delay_s(failures))
                self._results.set()

    async def _settle_patiently(self, over: Sequence[Attempted]) -> None:
        """Settle a group; where one's result cannot be written down, that one ends dead and the others as they ended."""
        try:
            await self._settle(over)
        except PermanentError as exc:
            log.warning("results_not_written", executor=self._executor, reason=exc.reason, count=len(over))
            if len(over) > 1:
                for attempted in over:
                    await self._settle_patiently([attempted])
            elif not isinstance(over[0].result, PermanentError):
                unwritable = PermanentError("its result cannot be written down")
                await self._settle_patiently([replace(over[0], result=unwritable)])
            else:
                raise

    async def _settle(self, over: Sequence[Attempted]) -> None:
        now = self._clock.now()
        endings: list[Ending] = []
        again: list[Again] = []
        async with self._desk.transaction(now) as tx:
            mine = await tx.mine([attempted.taken for attempted in over])
            held = [attempted for attempted in over if attempted.taken.delivery.command.id in mine]
            for attempted in held:
                judged = verdict(attempted, self._policy, now, random.random())  # noqa: S311 - jitter, not a secret
                if isinstance(judged, Ending):
                    endings.append(judged)
                else:
                    again.append(judged)
            endings = [await self._written(end, tx) for end in endings]
            await _close(endings, tx)
            if again:
                await tx.again(again)
            disabled = await tx.destinations(
                {attempted.taken.delivery.destination for attempted in held if attempted.well},
                {attempted.taken.delivery.destination for attempted in held if not attempted.well},
                {attempted.taken.delivery.destination for attempted in held if attempted.gone},
                self._policy.disabled_after,
            )
            failpoint(f"executor.{self._executor}.before-settled")
        failpoint(f"executor.{self._executor}.after-settled")
        self._count(endings)
        if zombies := len(over) - len(held):
            metrics.FENCED.labels(self._executor).inc(zombies)
            log.warning("results_dropped", executor=self._executor, because="their leases were over", count=zombies)
        if disabled:
            metrics.DISABLED.labels(self._executor).inc(len(disabled))
            log.warning("destinations_paused", executor=self._executor, count=len(disabled))

    async def _written(self, end: Ending, tx: RemoteTransaction) -> Ending:
        if end.answer is None or not end.answer.writes:
            return end
        note = await tx.write(end.taken.delivery.command, end.answer.writes)
        if note is None:
            return end
        outcome = Outcome(end.outcome.state, end.outcome.reason, note, end.outcome.attempts)
        return Ending(end.taken, outcome, end.answer)

    async def _sweep(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._sweep_at_s:
            return
        self._sweep_at_s = now_s + self._limits.remote.sweep_s
        now = self._clock.now()
        async with self._desk.transaction(now) as tx:
            expired = await tx.expired(now + self._policy.schedule.deadline, self._limits.remote.settled_max)
            endings = [
                Ending(taken, Outcome("uncertain", error="an attempt was cut off", attempts=0))
                if taken.cut_off and not self._remote.repeatable(taken.delivery.command)
                else Ending(taken, Outcome("dead", "exhausted", "its deadline is over", attempts=0))
                for taken in expired
            ]
            await _close(endings, tx)
        self._count(endings)

    def _count(self, endings: Sequence[Ending]) -> None:
        count(self._executor, [(end.taken.delivery, end.outcome) for end in endings], self._clock.now())


async def _close(endings: Sequence[Ending], tx: RemoteTransaction) -> None:
    if not endings:
        return
    await tx.close(endings)
    letters = [
        letter_of(end.taken.delivery, end.outcome, end.taken.attempts + 1)
        for end in endings
        if end.outcome.state in KEPT
    ]
    if letters:
        await tx.bury(letters)
    over: set[UUID] = {
        end.taken.delivery.replay_of
        for end in endings
        if end.taken.delivery.replay_of is not None and end.outcome.state not in KEPT
    }
    if over:
        await tx.forget(over)
