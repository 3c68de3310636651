"""What a record action and the runtime need of the database, in the words of the product."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from schemas.commands.command import Command
from schemas.outcomes import DeadReason, Suppressed


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended. `error` says what is wrong in constant words: never a value."""

    state: Literal["done", "no_change", "suppressed", "dead"]
    reason: DeadReason | Suppressed | None = None
    error: str | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Effect:
    """A command that will be carried out: its operands are checked, and complete for the statement of its type."""

    command: Command
    operands: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A row of `dead_letters`, but for what the whole batch shares."""

    id: UUID
    reason: DeadReason
    error: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    command: Command | None
    attempts: int


class RecordTransaction(Protocol):
    """One transaction over ledger, prospects and dead letters. Errors are RetryableError, PermanentError, or a bug's."""

    async def claim(self, commands: Sequence[Command]) -> set[UUID]:
        """Write ledger rows, as done, and return the ids of the commands that were never taken before."""
        ...

    async def owners(self, command_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return whose the commands are that were taken before: command id -> prospect id."""
        ...

    async def asked(self, letter_ids: Collection[UUID]) -> set[UUID]:
        """Lock these dead letters until the end, and return those whose replay was asked for and has not ended."""
        ...

    async def revive(self, commands: Sequence[Command]) -> set[UUID]:
        """Take dead commands again: write them as done, one attempt more, and return the ids of those that were dead."""
        ...

    async def forget(self, letter_ids: Collection[UUID]) -> None:
        """Delete dead letters whose replay needs them no more."""
        ...

    async def lock(self, prospect_ids: Collection[UUID]) -> set[UUID]:
        """Lock these prospects' rows until the end, and return which exist."""
        ...

    async def erased(self, prospect_ids: Collection[UUID]) -> set[UUID]:
        """Return which of these prospects, that no longer exist, were erased. `lock` comes before."""
        ...

    async def change(self, action_type: str, effects: Sequence[Effect]) -> list[Outcome]:
        """Carry out effects of one type on locked rows, at most one per prospect. What is done has moved the mark."""
        ...

    async def end(self, outcomes: Mapping[UUID, Outcome]) -> None:
        """Write into the ledger how claimed commands ended that are not done."""
        ...

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters; the same one twice is one. One whose replay failed is kept on, with one attempt more."""
        ...

    async def mark(self, orders: Mapping[UUID, int]) -> None:
        """Raise the prospects' marks of this executor to at least these orders."""
        ...


class Records(Protocol):
    """Where transactions come from. Leaving one normally commits it."""

    def transaction(self, now: datetime) -> AbstractAsyncContextManager[RecordTransaction]:
        """Begin one; `now` is stamped on the snapshots that it makes."""
        ...
