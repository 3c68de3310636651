"""The one place that decides what becomes of a batch: settled as a whole, tried again, or taken apart.

When `settle` returns, every record of the batch has a committed end, and its offsets may be committed. It does not return
before: while the database is away it waits. A COMMIT whose answer was lost is tried again, and the ledger tells.

    RetryableError    the same batch again, with back-off, without limit
    PermanentError    halved until the bad command is alone, which ends dead; the halves keep the order
    anything else     a bug: tried again a few times, then as permanent, with the reason `exhausted`
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import structlog

from services.chassis.backoff import Backoff
from services.chassis.clock import Clock
from services.chassis.errors import PermanentError, RetryableError
from services.chassis.failpoints import failpoint
from services.executors import metrics
from services.executors.executor import Executor
from services.executors.runtime.entries import AnyEntry, Record, Refusal, Unreadable, condemned, read
from services.executors.runtime.taking import Settled, parted
from services.executors.settings import Executors

log = structlog.get_logger()


class UnsettledError(Exception):
    """A record cannot even be kept as a dead letter: the process must not go past it."""


Tx = TypeVar("Tx")
Tx_co = TypeVar("Tx_co", covariant=True)


class Transactions(Protocol[Tx_co]):
    """Where transactions come from. Leaving one normally commits it."""

    def transaction(self, now: datetime) -> AbstractAsyncContextManager[Tx_co]:
        """Begin one at `now`."""
        ...


class Pipeline(Generic[Tx]):
    """Settles the batches of one executor. `settle` says what is done with a batch in one of the transactions."""

    def __init__(
        self,
        executor: Executor,
        transactions: Transactions[Tx],
        settle: Callable[[Sequence[AnyEntry], Tx], Awaitable[Settled]],
        clock: Clock,
        limits: Executors,
    ) -> None:
        self._executor, self._transactions, self._settle = executor, transactions, settle
        self._clock, self._limits = clock, limits
        self._backoff = Backoff(limits.retry_first_s, limits.retry_max_s)
        self._name = executor.name

    def read(self, records: Iterable[Record]) -> list[AnyEntry]:
        """Return the entries of these records."""
        return [read(record, self._executor, self._limits.record_max_bytes) for record in records]

    async def settle(self, entries: list[AnyEntry]) -> None:
        """Settle these entries, in order. Raises UnsettledError when that is impossible."""
        with metrics.BATCH_SECONDS.labels(self._name).time():
            waiting = parted(entries)[::-1]
            while waiting:
                batch = waiting.pop()
                if (refusal := await self._settled(batch)) is not None:
                    waiting += reversed(self._taken_apart(batch, refusal))

    async def _settled(self, batch: Sequence[AnyEntry]) -> Refusal | None:
        """Commit the batch and return None, or return why it can never be committed as it is."""
        failures = bugs = 0
        while True:
            try:
                await self._transact(batch)
            except RetryableError as exc:
                metrics.RETRIES.labels(self._name, "database").inc()
                log.warning("batch_retried", executor=self._name, reason=exc.reason, failures=failures + 1)
            except PermanentError as exc:
                return Refusal("permanent", exc.reason, failures + 1)
            except Exception as exc:  # the one place: a bug stops one command, not the partition
                bugs += 1
                metrics.RETRIES.labels(self._name, "bug").inc()
                log.exception("batch_failed", executor=self._name, bugs=bugs)
                if bugs >= self._limits.bug_attempts_max:
                    return Refusal("exhausted", type(exc).__name__, failures + 1)
            else:
                return None
            failures += 1
            await asyncio.sleep(self._backoff.delay_s(failures, random.random()))  # noqa: S311 - jitter, no secret

    async def _transact(self, batch: Sequence[AnyEntry]) -> None:
        failpoint(f"executor.{self._name}.before-transaction")
        now = self._clock.now()
        async with self._transactions.transaction(now) as tx:
            settled = await self._settle(batch, tx)
            failpoint(f"executor.{self._name}.before-commit")
        failpoint(f"executor.{self._name}.after-commit")
        self._count(settled)

    def _taken_apart(self, batch: list[AnyEntry], refusal: Refusal) -> list[list[AnyEntry]]:
        """Return the parts to settle instead, in order: two halves, or one entry that ends dead."""
        if len(batch) > 1:
            metrics.BISECTIONS.labels(self._name).inc()
            half = len(batch) // 2
            return [batch[:half], batch[half:]]
        (entry,) = batch
        if isinstance(entry, Unreadable):
            raise UnsettledError(f"a dead letter cannot be kept: {refusal.error}")
        return [[condemned(entry, refusal)]]

    def _count(self, settled: Settled) -> None:
        now = self._clock.now()
        ends = Counter((entry.command.type, outcome.state) for entry, outcome in settled.outcomes)
        for (action_type, state), count in ends.items():
            metrics.EFFECTS.labels(self._name, action_type, state).inc(count)
        event_to_effect = metrics.EVENT_TO_EFFECT_SECONDS.labels(self._name)
        for entry, outcome in settled.outcomes:
            if outcome.state != "dead" and entry.record.replay_of is None:
                waited_s = (now - entry.command.recordedtime).total_seconds()
                event_to_effect.observe(max(waited_s, 0.0))
        metrics.REPEATS.labels(self._name).inc(settled.repeats)
        for end in settled.replays.values():
            metrics.REPLAYS.labels(self._name, end).inc()
        for letter in settled.letters:
            metrics.DEAD_LETTERS.labels(self._name, letter.reason).inc()
            place = {"topic": letter.topic, "partition": letter.partition, "offset": letter.offset}
            log.warning("dead_letter_kept", executor=self._name, reason=letter.reason, error=letter.error, **place)
        counts = Counter[str](outcome.state for _, outcome in settled.outcomes)
        log.info("batch_settled", executor=self._name, repeats=settled.repeats, **counts)
