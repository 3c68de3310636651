"""What the evaluator remembers of one prospect: the last snapshot, the effects commanded since, and what it has seen.

A state is never changed in place: a checkpoint may still hold the one before.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import orjson
from msgspec import Struct

from core.fold import fold
from core.values import Values, from_document, to_document

FORMAT: Final = 2
"""1 held the snapshot's values instead of those with the pending effects."""


class Effect(Struct, frozen=True, gc=False):
    """A record command that no snapshot is known to contain. `size_bytes` is the command's, for the cap."""

    order: int
    executor: str
    type: str
    params: Mapping[str, Any]
    size_bytes: int
    encoded: bytes
    """What precedes, as states hold it: encoded once and not with each of them."""


def effect(
    order: int,
    executor: str,
    action_type: str,
    params: Mapping[str, Any],
    size_bytes: int,
    written: bytes | None = None,
) -> Effect:
    """Return an effect and its encoding. `written`: the parameters as JSON, if they are there."""
    encoded = b'[%d,"%b","%b",%b,%d]' % (
        order,
        executor.encode(),
        action_type.encode(),
        written or orjson.dumps(params),
        size_bytes,
    )
    return Effect(order, executor, action_type, params, size_bytes, encoded)


def _exact(written: bytes) -> bytes:
    """Return bytes that may rest in as much memory as they have: orjson's keep the kilobytes that they were written in."""
    return bytes(memoryview(written))


class Fired(NamedTuple):
    """How often an action fired since it has a frequency, and when last (acceptance time)."""

    times: int
    last_ms: int


class State(Struct, frozen=True, gc=False):
    """`values` are those of the snapshot at `version` (0: none yet) with `pending` folded in.

    `uids` maps a remembered interaction to its acceptance time, in the log's order; `windows` a spam key to its newest attempts.
    """

    version: int = 0
    base_bytes: int = 0
    """The size of the snapshot."""
    marks: Mapping[str, int] = {}
    pending: tuple[Effect, ...] = ()
    pending_bytes: int = 0
    values: Values = Values()
    uids: Mapping[str, int] = {}
    windows: Mapping[str, tuple[int, ...]] = {}
    fired: Mapping[str, Fired] = {}
    time_ms: int = 0
    """The newest time that ingest stamped: the windows' clock, which never goes back. Who writes records has clocks of their own,
    which move no window."""
    erased: bool = False

    @property
    def size_bytes(self) -> int:
        """Return about how large the state is when encoded."""
        return (
            self.base_bytes + self.pending_bytes + 56 * len(self.uids) + 120 * len(self.windows) + 90 * len(self.fired)
        )


EMPTY: Final = State()


def folded(base: Values, pending: Iterable[Effect]) -> Values:
    """Return `base` with the effects of `pending`, in order."""
    values = base
    for each in pending:
        values = fold(values, each.type, each.params)
    return values


def size(effects: Iterable[Effect]) -> int:
    """Return how much effects count against the cap of the state."""
    return sum([each.size_bytes for each in effects])


def uncovered(pending: tuple[Effect, ...], marks: Mapping[str, int]) -> tuple[Effect, ...]:
    """Return the effects that a snapshot with `marks` does not contain."""
    return tuple(each for each in pending if each.order > marks.get(each.executor, 0))


def encode(state: State) -> bytes:
    """Write a state as the state topic keeps it."""
    written = orjson.dumps(
        {
            "format": FORMAT,
            "version": state.version,
            "values": to_document(state.values),
            "base_bytes": state.base_bytes,
            "marks": state.marks,
            "pending": orjson.Fragment(b"[" + b",".join([each.encoded for each in state.pending]) + b"]"),
            "uids": state.uids,
            "windows": state.windows,
            "fired": {action: tuple(fired) for action, fired in state.fired.items()},
            "time_ms": state.time_ms,
            "erased": state.erased,
        }
    )
    return _exact(written)


def decode(value: bytes) -> State:
    """Read a state, of format 1 too. Raises ValueError when it is none, or of a newer format."""
    document = orjson.loads(value)
    if not isinstance(document, dict) or document.get("format") not in (1, FORMAT):
        raise ValueError("not a state of this format")
    pending = tuple([effect(*each) for each in document["pending"]])
    if document["format"] == 1:
        values = folded(from_document(document["base"]), pending)
    else:
        values = from_document(document["values"])
    return State(
        version=document["version"],
        base_bytes=document["base_bytes"],
        marks=document["marks"],
        pending=pending,
        pending_bytes=size(pending),
        values=values,
        uids=document["uids"],
        windows={key: tuple(times) for key, times in document["windows"].items()},
        fired={action: Fired(*fired) for action, fired in document["fired"].items()},
        time_ms=document["time_ms"],
        erased=document["erased"],
    )
