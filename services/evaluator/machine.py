"""What a lane drives: a pure state machine over one prospect's log. The product's is `core`; crash tests bring their own."""

from collections.abc import Sequence
from typing import Protocol, cast

from core import state as states
from core.definitions import Definitions, VersionUnknown
from core.limits import Limits
from core.records import Refused
from core.step import step

__all__ = ["CoreMachine", "Emitted", "Machine", "Refused", "Stepped", "VersionUnknown"]


class Emitted(Protocol):
    """A command and the executor that it goes to."""

    @property
    def executor(self) -> str:
        """The executor's name."""
        ...

    @property
    def value(self) -> bytes:
        """The command's bytes."""
        ...


class Stepped(Protocol):
    """What one record led to. `refused` when the state counts, but what the record asked for is a dead letter."""

    @property
    def state(self) -> object | None:
        """The state after it, the very same object if nothing changed; None: nothing is remembered of the key."""
        ...

    @property
    def outcome(self) -> str:
        """One word of a small set, for the metrics."""
        ...

    @property
    def commands(self) -> Sequence[Emitted]:
        """In the order in which they take effect."""
        ...

    @property
    def decisions(self) -> Sequence[bytes]:
        """One per interaction, derived ones too."""
        ...

    @property
    def discarded(self) -> Sequence[str]:
        """Why sequences, derived ones too, and actions were discarded: one reason each, for the metrics."""
        ...

    @property
    def refused(self) -> Refused | None:
        """Why the record is a dead letter all the same."""
        ...


class Machine(Protocol):
    """A state is opaque to the evaluator and never changed in place; None: the key was never seen."""

    @property
    def format(self) -> int:
        """The form of an encoded state: it grows when an older machine could not read it."""
        ...

    def step(
        self, state: object | None, key: bytes | None, value: bytes | None, offset: int, *, replayed: bool
    ) -> Stepped:
        """Carry out one record, or try one again that was refused. Raises Refused (a dead letter) or VersionUnknown (wait),
        leaving no trace."""
        ...

    def encode(self, state: object) -> bytes:
        """Write a state as the state topic keeps it, and as it rests in memory."""
        ...

    def decode(self, value: bytes) -> object:
        """Raise any error when `value` is no state."""
        ...


class CoreMachine:
    """The product's own machine, `core.step`."""

    format = states.FORMAT

    def __init__(self, definitions: Definitions, epoch: int, limits: Limits) -> None:
        self._definitions, self._epoch, self._limits = definitions, epoch, limits

    def step(
        self, state: object | None, key: bytes | None, value: bytes | None, offset: int, *, replayed: bool
    ) -> Stepped:
        """Carry out one record."""
        before = cast("states.State | None", state)
        return step(before, key, value, offset, self._definitions, self._epoch, self._limits, replayed=replayed)

    def encode(self, state: object) -> bytes:
        """Write a state."""
        return states.encode(cast("states.State", state))

    def decode(self, value: bytes) -> object:
        """Read a state. Raises ValueError, or whatever it stumbles on."""
        return states.decode(value)
