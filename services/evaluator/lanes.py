"""One lane per partition of the log: evaluates frames in their order, sends what they led to, checkpoints behind.

Three offsets tell how far it is: `next` is evaluated up to, `done` acknowledged up to, `saved` in a checkpoint up to.
Evaluation may run ahead by a few frames; a checkpoint covers a frame only when all that it led to is acknowledged.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition

from services.chassis.clock import Clock
from services.chassis.failpoints import failpoint
from services.evaluator import metrics
from services.evaluator.checkpoints import CheckpointError, CheckpointWriter, Position
from services.evaluator.evaluation import Evaluated, Evaluation
from services.evaluator.machine import Machine, VersionUnknown
from services.evaluator.settings import Evaluator
from services.evaluator.state_store import StateStore

_ENCODING_SHARE: Final = 0.01
"""How much of a lane's time may go into encoding states: the more each checkpoint costs, the more it has to gather."""

Publish = Callable[[int, Evaluated], Awaitable[None]]
"""Send what a run led to, to this partition of every topic, and return when all of it is acknowledged."""


class BrokenChainError(Exception):
    """A frame does not continue where the lane stands: records were lost, or came twice. Nothing can be believed then."""


class Lane:
    """One partition while this process owns it."""

    def __init__(
        self,
        source: TopicPartition,
        *,
        settings: Evaluator,
        machine: Machine,
        evaluation: Evaluation,
        store: StateStore,
        publish: Publish,
        checkpoints: CheckpointWriter,
        clock: Clock,
    ) -> None:
        self.source, self.store, self.checkpoints = source, store, checkpoints
        self._settings, self._machine, self._evaluation = settings, machine, evaluation
        self._publish, self._clock = publish, clock
        self._room = asyncio.Semaphore(settings.frames_ahead_max)
        self._evaluated: asyncio.Queue[Evaluated] = asyncio.Queue()
        self._dirty: dict[bytes, object] = {}
        self._checkpointing = asyncio.Lock()
        self.next = self.done = self.saved = 0
        self.live = False
        self.seek_epoch = -1
        self.round = -1
        """The count of rebalances at which this lane was last known to be ours."""
        self.waits_for: VersionUnknown | None = None
        self._encoding_s = 0.0
        self.progressed_at = clock.monotonic()
        """When a checkpoint was last written, or there was nothing to write."""

    def place(self, offset: int) -> None:
        """Stand at `offset`: everything before it is in the states."""
        self.next = self.done = self.saved = offset

    def go_live(self, seek_epoch: int) -> None:
        """Accept frames that were fetched since the seek of this epoch, which led to `next`."""
        self.seek_epoch, self.live, self.waits_for = seek_epoch, True, None
        self.progressed_at = self._clock.monotonic()

    async def feed(self, seek_epoch: int, records: Sequence[ConsumerRecord]) -> bool:
        """Evaluate the records of one frame as soon as there is room. False: the frame is stale and was dropped.

        Stops before a record that cites an unseen version: then `waits_for` is set and the rest of the frame dropped.
        Raises BrokenChainError.
        """
        if not self._accepts(seek_epoch):
            return False
        await self._room.acquire()
        if not self._accepts(seek_epoch):
            self._room.release()
            return False
        if records[0].offset != self.next:
            raise BrokenChainError(f"{self.source}: expected {self.next}, got {records[0].offset}")
        self.waits_for = self._evaluate(records)
        return True

    def _accepts(self, seek_epoch: int) -> bool:
        return self.live and self.seek_epoch == seek_epoch

    def _evaluate(self, records: Sequence[ConsumerRecord]) -> VersionUnknown | None:
        with metrics.EVALUATION_SECONDS.time():
            evaluated = self._evaluation.run(self.store, records)
        self.next = evaluated.next
        self._evaluated.put_nowait(evaluated)
        return evaluated.waits_for

    async def send(self) -> None:
        """Send what was evaluated, in order, until cancelled."""
        while True:
            evaluated = await self._evaluated.get()
            failpoint("evaluator.before-send")
            await self._publish(self.source.partition, evaluated)
            failpoint("evaluator.after-send")
            self._dirty.update(evaluated.changed)
            self.done = evaluated.next
            self._room.release()
            self._evaluated.task_done()

    async def checkpoint_regularly(self) -> None:
        """Write a checkpoint at each interval in which there was progress, until cancelled. Lanes take turns.

        Under load the interval grows, up to its bound: a state that changes often is written once for many changes.
        """
        await asyncio.sleep(self.interval_s() * (self.source.partition % 8) / 8)
        while True:
            await asyncio.sleep(self.interval_s())
            if self.done != self.saved:
                await self.checkpoint()

    def interval_s(self) -> float:
        """Return how long to gather changes for the next checkpoint, from what encoding the last one's states cost."""
        least_s, most_s = self._settings.checkpoint_interval_ms / 1000, self._settings.checkpoint_interval_max_ms / 1000
        return max(least_s, min(self._encoding_s / _ENCODING_SHARE, most_s))

    async def checkpoint(self) -> None:
        """Write what is acknowledged, if only the position. Raises CheckpointError: then the lane is lost."""
        async with self._checkpointing:
            dirty, self._dirty, done = self._dirty, {}, self.done  # no await in between: they belong together
            began = self._clock.monotonic()
            states = {key: self._machine.encode(state) for key, state in dirty.items()}
            self._encoding_s = self._clock.monotonic() - began
            failpoint("evaluator.before-checkpoint")
            try:
                with metrics.CHECKPOINT_SECONDS.time():
                    await self.checkpoints.write(states, Position(done, self._settings.epoch, self._machine.format))
            except CheckpointError:
                self._dirty = dirty | self._dirty  # no later checkpoint may cover what these states are not in
                raise
            failpoint("evaluator.after-checkpoint")
            self.saved = done
            self.progressed_at = self._clock.monotonic()
            metrics.CHECKPOINT_STATES.inc(len(states))

    async def settle(self) -> None:
        """Send and checkpoint all that is evaluated."""
        await self._evaluated.join()
        if self.done != self.saved:
            await self.checkpoint()
