"""What the evaluator remembers of one prospect: the last snapshot, the effects commanded since, and what it has seen.

A state is never changed in place: a checkpoint may still hold the one before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from core.fold import fold
from core.values import Values, from_document, to_document

FORMAT: Final = 1


class Effect(NamedTuple):
    """A record command that no snapshot is known to contain. `size_bytes` is the command's, for the cap."""

    order: int
    executor: str
    type: str
    params: Mapping[str, Any]
    size_bytes: int


class Fired(NamedTuple):
    """How often an action fired since it has a frequency, and when last (acceptance time)."""

    times: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class State:
    """`base` is the snapshot at `version` (0: none yet), `values` the same with `pending` folded in.

    `uids` maps a remembered interaction to its acceptance time, oldest first; `windows` a spam key to its newest attempts.
    """

    version: int = 0
    base: Values = field(default_factory=Values)
    base_bytes: int = 0
    marks: Mapping[str, int] = field(default_factory=dict)
    pending: tuple[Effect, ...] = ()
    pending_bytes: int = 0
    values: Values = field(default_factory=Values)
    uids: Mapping[str, int] = field(default_factory=dict)
    windows: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    fired: Mapping[str, Fired] = field(default_factory=dict)
    time_ms: int = 0
    """The newest acceptance time seen: the window's clock never goes back."""
    erased: bool = False

    @property
    def size_bytes(self) -> int:
        """Return about how large the state is when encoded."""
        return (
            self.base_bytes + self.pending_bytes + 56 * len(self.uids) + 120 * len(self.windows) + 90 * len(self.fired)
        )


EMPTY: Final = State()


def folded(base: Values, pending: tuple[Effect, ...]) -> Values:
    """Return `base` with the effects of `pending`, in order."""
    values = base
    for effect in pending:
        values = fold(values, effect.type, effect.params)
    return values


def size(effects: Iterable[Effect]) -> int:
    """Return how much effects count against the cap of the state."""
    return sum(effect.size_bytes for effect in effects)


def uncovered(pending: tuple[Effect, ...], marks: Mapping[str, int]) -> tuple[Effect, ...]:
    """Return the effects that a snapshot with `marks` does not contain."""
    return tuple(effect for effect in pending if effect.order > marks.get(effect.executor, 0))


def encode(state: State) -> bytes:
    """Write a state as the state topic keeps it."""
    return orjson.dumps(
        {
            "format": FORMAT,
            "version": state.version,
            "base": to_document(state.base),
            "base_bytes": state.base_bytes,
            "marks": state.marks,
            "pending": [tuple(effect) for effect in state.pending],
            "uids": state.uids,
            "windows": state.windows,
            "fired": {action: tuple(fired) for action, fired in state.fired.items()},
            "time_ms": state.time_ms,
            "erased": state.erased,
        }
    )


def decode(value: bytes) -> State:
    """Read a state. Raises ValueError when it is none, or of a newer format."""
    document = orjson.loads(value)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("not a state of this format")
    base = from_document(document["base"])
    pending = tuple(Effect(*effect) for effect in document["pending"])
    return State(
        version=document["version"],
        base=base,
        base_bytes=document["base_bytes"],
        marks=document["marks"],
        pending=pending,
        pending_bytes=size(pending),
        values=folded(base, pending),
        uids=document["uids"],
        windows={key: tuple(times) for key, times in document["windows"].items()},
        fired={action: Fired(*fired) for action, fired in document["fired"].items()},
        time_ms=document["time_ms"],
        erased=document["erased"],
    )
