"""The states of one lane's prospects: bytes at rest, decoded on use.

Only the most recently used states stay decoded, so memory follows the bytes and not the objects made of them.
"""

from collections import OrderedDict
from typing import Protocol

from services.evaluator.machine import Machine


class StateUnreadableError(Exception):
    """The bytes kept for this key are no state: what they would decide cannot be known."""


class StateStore(Protocol):
    """Where a lane keeps its states. A store larger than memory keeps to the same four calls."""

    def load(self, key: bytes, value: bytes | None) -> None:
        """Take a state as the state topic holds it; None deletes it."""
        ...

    def get(self, key: bytes) -> object | None:
        """Return the key's state, None if never seen. Raises StateUnreadableError."""
        ...

    def put(self, key: bytes, state: object) -> None:
        """Replace the key's state."""
        ...

    def __len__(self) -> int: ...


class MemoryStore:
    """A dict of bytes, and before it the states used last."""

    def __init__(self, machine: Machine, decoded_max: int) -> None:
        self._machine, self._decoded_max = machine, decoded_max
        self._encoded: dict[bytes, bytes] = {}
        self._decoded: OrderedDict[bytes, object] = OrderedDict()
        self._changed: set[bytes] = set()
        """Keys whose bytes are older than their decoded state."""

    def load(self, key: bytes, value: bytes | None) -> None:
        """Rest the bytes, undecoded."""
        self._decoded.pop(key, None)
        self._changed.discard(key)
        if value is None:
            self._encoded.pop(key, None)
        else:
            self._encoded[key] = value

    def get(self, key: bytes) -> object | None:
        """Decode on first use. Raises StateUnreadableError."""
        state = self._decoded.get(key)
        if state is not None:
            self._decoded.move_to_end(key)
            return state
        value = self._encoded.get(key)
        if value is None:
            return None
        try:
            state = self._machine.decode(value)
        except Exception as exc:  # noqa: BLE001 - whatever a machine finds wrong with bytes, they are no state of its own
            raise StateUnreadableError(type(exc).__name__) from None
        self._keep(key, state)
        return state

    def put(self, key: bytes, state: object) -> None:
        """Keep it decoded, for it was just used."""
        self._changed.add(key)
        self._keep(key, state)

    def __len__(self) -> int:
        return len(self._encoded.keys() | self._changed)

    def _keep(self, key: bytes, state: object) -> None:
        self._decoded[key] = state
        self._decoded.move_to_end(key)
        while len(self._decoded) > self._decoded_max:
            oldest, resting = self._decoded.popitem(last=False)
            if oldest in self._changed:
                self._changed.discard(oldest)
                self._encoded[oldest] = self._machine.encode(resting)
