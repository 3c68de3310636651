"""What a record action and the runtime need of the database, in the words of the product."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from schemas.commands.command import Command
from schemas.outcomes import DeadReason, Suppressed
from services.chassis.errors import RetryableError


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended. `error` says what is wrong in constant words: never a value."""

    state: Literal["done", "no_change", "suppressed", "dead", "uncertain"]
    reason: DeadReason | Suppressed | None = None
    error: str | None = None
    attempts: int = 1


KEPT: Final = ("dead", "uncertain")
"""How a delivery ends that leaves a dead letter: it can be carried out again, if somebody says so."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A command that will be carried out: its operands are checked, and complete for the statement of its type."""

    command: Command
    operands: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Situation:
    """What an outside action may read when it is carried out: the record as it is then (`id` and the values of a snapshot),
    when the interaction was accepted, what templates see of both, and what the executor's statement `situation` adds."""

    prospect: Mapping[str, Any]
    recordedtime: datetime
    scopes: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An outside command to be delivered: its record as it came, to which destination."""

    command: Command
    destination: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    replay_of: UUID | None


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that a worker has taken. `attempts` were made before, and failed."""

    delivery: Delivery
    attempts: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that a dispatcher is at. `lease` is the fencing token and the attempt's number, `attempts` those made before,
    the one included that was `cut_off`: begun, and ended by nobody. `request` is there once one was rendered."""

    delivery: Delivery
    lease: int
    attempts: int
    cut_off: bool
    deadline: datetime
    request: bytes | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What begins: a delivery and the bytes to send."""

    taken: Taken
    request: bytes


class UncertainError(RetryableError):
    """The attempt was cut off where the other side may have carried it out already."""


class GoneError(RetryableError):
    """The destination asks never to be called again: it is paused, and what waits for it goes on when it is resumed."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now, and no attempt either: not before this instant."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Prepared:
    """The request, rendered: every attempt sends these bytes. `kept` is given to the executor's statement `keep`."""

    request: bytes
    kept: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said to an attempt that ended the command. `status` and `reference` are in its words; `excerpt` is
    the head of its answer, at most 4 KiB; `writes` are fields of the record to set as another writer's change."""

    outcome: Outcome
    status: str | None = None
    excerpt: str | None = None
    reference: str | None = None
    writes: Mapping[str, Any] = field(default_factory=dict)


class Remote(Protocol):
    """How one executor's commands are carried out in another system."""

    @property
    def timeout_s(self) -> float:
        """Bound an attempt, whatever happens."""
        ...

    def refuse(self, command: Command, situation: Situation, now: datetime) -> Outcome | Later | None:
        """Say, before every attempt, whether it must not be made, or not yet: consent, a cap, quiet hours."""
        ...

    def prepare(self, command: Command, situation: Situation) -> Prepared:
        """Render the request, once. Raises PermanentError for what can never be sent."""
        ...

    def repeatable(self, command: Command) -> bool:
        """Whether an attempt that may have been carried out may be made again."""
        ...

    async def perform(self, command: Command, request: bytes, attempt: int) -> Answer:
        """Make one attempt. Raises RetryableError, UncertainError, GoneError or PermanentError, in constant words."""
        ...


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


class Transaction(Protocol):
    """One transaction over ledger and dead letters. Errors are RetryableError, PermanentError, or a bug's."""

    async def claim(self, commands: Sequence[Command]) -> set[UUID]:
        """Write ledger rows, in the state that most end in, and return the ids of the commands that were never taken before."""
        ...

    async def owners(self, command_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return whose the commands are that were taken before: command id -> prospect id."""
        ...

    async def asked(self, letter_ids: Collection[UUID]) -> set[UUID]:
        """Lock these dead letters until the end, and return those whose replay was asked for and has not ended."""
        ...

    async def revive(self, commands: Sequence[Command]) -> set[UUID]:
        """Take dead commands again, one attempt more, and return the ids of those that were dead."""
        ...

    async def forget(self, letter_ids: Collection[UUID]) -> None:
        """Delete dead letters whose replay needs them no more."""
        ...

    async def lock(self, prospect_ids: Collection[UUID]) -> set[UUID]:
        """Keep these prospects' rows from being erased, or changed by others if this changes them, until the end; return
        which exist."""
        ...

    async def erased(self, prospect_ids: Collection[UUID]) -> set[UUID]:
        """Return which of these prospects, that no longer exist, were erased. `lock` comes before."""
        ...

    async def end(self, outcomes: Mapping[UUID, Outcome]) -> None:
        """Write into the ledger how claimed commands ended that are not as they were claimed."""
        ...

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters; the same one twice is one. One whose replay failed is kept on, with one attempt more."""
        ...


class RecordTransaction(Transaction, Protocol):
    """A transaction that carries record commands out. They are claimed as done."""

    async def change(self, action_type: str, effects: Sequence[Effect]) -> list[Outcome]:
        """Carry out effects of one type on locked rows, at most one per prospect. What is done has moved the mark."""
        ...

    async def mark(self, orders: Mapping[UUID, int]) -> None:
        """Raise the prospects' marks of this executor to at least these orders."""
        ...

    async def release(self, dead: Mapping[UUID, bool]) -> None:
        """Let go the deliveries that wait for commands which have ended: command id -> whether it is dead."""
        ...


class IntakeTransaction(Transaction, Protocol):
    """A transaction that takes outside commands in. They are claimed as waiting."""

    async def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Keep these to be delivered: not before their time, nor before what they wait for has ended."""
        ...


class DeliveryTransaction(Protocol):
    """A transaction in which a worker carries deliveries out whose effects are in the database, too."""

    async def due(self, destination: str, limit: int) -> Sequence[Due]:
        """Take what is due, oldest first; others leave it alone until the end. Nothing of it is paused."""
        ...

    async def prospects(
        self, ids: Collection[UUID]
    ) -> Mapping[UUID, tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
        """Return the records, each with its owner, kept from being erased until the end."""
        ...

    async def perform(self, action_type: str, due: Due, operands: Mapping[str, Any]) -> Outcome:
        """Carry one out. What it raises undoes this one alone."""
        ...

    async def end(self, outcomes: Mapping[UUID, Outcome]) -> None:
        """Write how commands ended, and let go their deliveries."""
        ...

    async def retry(self, due: Due, at: datetime, error: str) -> None:
        """Try one again later."""
        ...

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters."""
        ...

    async def forget(self, letter_ids: Collection[UUID]) -> None:
        """Delete dead letters whose replay is over."""
        ...


@dataclass(frozen=True, slots=True)
class Ending:
    """How a delivery ended, and what is written down of its last attempt if one was made."""

    taken: Taken
    outcome: Outcome
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """A failed attempt, and when the next is made. `cut_off`: it may have been carried out."""

    taken: Taken
    at: datetime
    error: str
    status: str | None = None
    cut_off: bool = False


class RemoteTransaction(Protocol):
    """A transaction in which a dispatcher takes deliveries, or writes down what became of them."""

    async def take(self, rooms: Mapping[str, int], deadline: datetime) -> Sequence[Taken]:
        """Lock what is due, oldest first, at most so many of each destination, each with the lease that it gets if it is
        tried. Nothing of it is paused; what has no deadline has this one."""
        ...

    async def expired(self, deadline: datetime, limit: int) -> Sequence[Taken]:
        """Lock deliveries whose deadline is over and that nobody is at; what is first seen due gets this deadline."""
        ...

    async def prospects(
        self, ids: Collection[UUID]
    ) -> Mapping[UUID, tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
        """Return the records, each with its owner, kept from being erased until the end."""
        ...

    async def details(self, commands: Sequence[Command]) -> Mapping[UUID, Mapping[str, Any]]:
        """Return what the executor's statement `situation` adds, by command."""
        ...

    async def keep(self, prepared: Mapping[UUID, tuple[UUID, Prepared]]) -> None:
        """Store what goes with new requests: command id -> its prospect's id, the request."""
        ...

    async def begin(self, attempts: Sequence[Attempt], until: datetime) -> None:
        """Lease what is tried from now on, until then, with the bytes that are sent."""
        ...

    async def put_off(self, later: Mapping[UUID, datetime]) -> None:
        """Let go what must not be tried yet: no attempt, and a deadline of its own when it is due."""
        ...

    async def mine(self, taken: Sequence[Taken]) -> set[UUID]:
        """Lock the deliveries of which these leases are the last, and return their command ids."""
        ...

    async def write(self, command: Command, writes: Mapping[str, Any]) -> str | None:
        """Set fields of the record as another writer's change; return in constant words what could not be set."""
        ...

    async def close(self, endings: Sequence[Ending]) -> None:
        """Write how commands ended and what came of their attempts, and let go their deliveries."""
        ...

    async def again(self, failed: Sequence[Again]) -> None:
        """Write down failed attempts, and when the next ones are due."""
        ...

    async def destinations(
        self, well: Collection[str], failing: Collection[str], gone: Collection[str], disabled_after: timedelta | None
    ) -> Sequence[str]:
        """Note which destinations answer and which fail; pause those that are gone, or have failed for so long. Return the
        ones that are paused by this."""
        ...

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters."""
        ...

    async def forget(self, letter_ids: Collection[UUID]) -> None:
        """Delete dead letters whose replay is over."""
        ...
