"""Interactions of what is served in any case: nobody waits long for their durability, and none is given up early.

Each goes to the log; where the log does not take it in time, to the outbox, and only where neither does it is dropped,
counted and told. A prospect's interactions stay in order as far as this process knows: one that had to go to the outbox is
followed there by the next ones until the relay has published it, and in the outbox they stand as they were accepted. One
that is in doubt may arrive by both ways: it has one uid, and the evaluator drops the repeat.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, Literal, Protocol

import structlog

from services.chassis.clock import Clock
from services.chassis.errors import PermanentError, RetryableError
from services.chassis.postgres import DRIVER_ERRORS
from services.ingest import metrics
from services.ingest.patience import Patience
from services.ingest.settings import WritingBehind
from services.ingest.stamping import Stamped

Written = Literal["durable", "behind", "dropped"]

_AWAY: Final = (RetryableError, PermanentError, *DRIVER_ERRORS)
"""Whatever is the reason why the database does not take a row: the link is served, and the loss counted."""
_ALARM_EVERY_S: Final = 1.0

log = structlog.get_logger()


class Log(Protocol):
    """The first way."""

    async def publish(self, interactions: Sequence[Stamped]) -> None:
        """Return when all are in the log. Raises RetryableError: they may be, or not."""
        ...


class Outbox(Protocol):
    """The second way."""

    async def waiting(self, prospect_id: str) -> bool:
        """Tell whether records of a prospect are in the outbox still."""
        ...

    async def enqueue(self, interaction: Stamped) -> None:
        """Return when it is in the outbox."""
        ...


def _go_on(told: asyncio.Future[Written]) -> None:
    told.set_result("behind")


class WriteBehind:
    """Accepts while `around` lasts, whose end waits until nothing is under way any more."""

    def __init__(self, interactions: Log, outbox: Outbox, clock: Clock, writing: WritingBehind) -> None:
        self._log, self._outbox, self._clock, self._writing = interactions, outbox, clock, writing
        self._tasks = asyncio.TaskGroup()
        self._turns = asyncio.Semaphore(writing.outbox_max)
        self._under_way = 0
        self._patience = Patience(writing.wait_s, _go_on)
        self._newest: dict[str, asyncio.Task[None]] = {}
        self._astray: dict[str, None] = {}
        """Keys of which an interaction was put into the outbox and may be there still, the oldest first."""
        self._told_at = float("-inf")
        metrics.WRITTEN_BEHIND.set_function(lambda: self._under_way)

    async def around(self, serving: Awaitable[None]) -> None:
        """Run what serves, and then end what is under way. Cancelled, that is dropped."""
        async with self._tasks:
            await serving

    async def accept(self, interaction: Stamped) -> Written:
        """Return within `wait_s` whether the interaction is durable, and else let it go on behind."""
        if self._under_way >= self._writing.interactions_max:
            self._drop("full")
            return "dropped"
        self._under_way += 1
        before = self._newest.get(interaction.key)
        told: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._newest[interaction.key] = self._tasks.create_task(self._keep(interaction, before, told))
        self._patience.watch(told)
        return await told

    async def _keep(
        self, interaction: Stamped, before: asyncio.Task[None] | None, told: asyncio.Future[Written]
    ) -> None:
        """Bring one to where it is durable, and tell whoever waits for that still."""
        try:
            kept = await self._written(interaction, before)
        except asyncio.CancelledError:
            self._drop("stopping")
            raise
        finally:
            self._under_way -= 1
            if self._newest.get(interaction.key) is asyncio.current_task():
                del self._newest[interaction.key]
        if kept:
            metrics.accepted(interaction.document["type"]).inc()
        else:
            self._drop("both stores away")
        if not told.done():
            told.set_result("durable" if kept else "dropped")

    async def _written(self, interaction: Stamped, before: asyncio.Task[None] | None) -> bool:
        key = interaction.key
        astray = key in self._astray
        if not astray and await self._published(interaction):
            return True
        self._note_astray(key)
        if before is not None:
            await asyncio.wait({before})
        behind_others = astray and await self._waiting(key)
        if astray and not behind_others and await self._published(interaction):
            self._note_home(key)
            return True
        if await self._enqueued(interaction):
            return True
        self._note_home(key)
        return behind_others and await self._published(interaction)

    async def _published(self, interaction: Stamped) -> bool:
        try:
            await self._log.publish([interaction])
        except RetryableError:
            return False
        return True

    async def _enqueued(self, interaction: Stamped) -> bool:
        try:
            async with self._turns:
                await self._outbox.enqueue(interaction)
        except _AWAY:
            return False
        return True

    async def _waiting(self, key: str) -> bool:
        """Ask the database, and only for a prospect that is astray. Where it does not answer, the log is the better way."""
        try:
            return await self._outbox.waiting(key)
        except _AWAY:
            return False

    def _note_astray(self, key: str) -> None:
        self._astray[key] = None
        if len(self._astray) > self._writing.interactions_max:
            del self._astray[next(iter(self._astray))]

    def _note_home(self, key: str) -> None:
        """Let the next ones try the log again, unless one is under way behind this: it will tell."""
        if self._newest.get(key) is asyncio.current_task():
            self._astray.pop(key, None)

    def _drop(self, because: str) -> None:
        metrics.DROPPED.inc()
        now = self._clock.monotonic()
        if now - self._told_at >= _ALARM_EVERY_S:
            self._told_at = now
            log.critical("interactions_dropped", because=because)
