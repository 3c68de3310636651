"""A deterministic toy in the machine's place: every command depends on the whole history of its prospect, so that a record
lost, doubled or out of order shows in everything after it."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple
from zlib import crc32

import orjson

from core.records import Refused

EXECUTORS: Final = ("tags", "score")
_ACTIONS: Final = 4
_PADDING: Final = "what a prospect's state weighs " * 10


class ToyState(NamedTuple):
    """How many records, a rolling hash of their ids, and a score that earlier actions moved."""

    seen: int = 0
    chain: int = 0
    score: int = 0


class ToyCommand(NamedTuple):
    """A command and where it goes."""

    executor: str
    value: bytes


@dataclass(frozen=True, slots=True)
class ToyStep:
    """What one record led to."""

    state: ToyState
    commands: tuple[ToyCommand, ...]
    decisions: tuple[bytes, ...]
    outcome: str = "decided"
    discarded: tuple[str, ...] = ()
    refused: None = None


class ToyMachine:
    """Refuses what is not JSON, and has a bug that the word "bug" triggers."""

    format = 1

    def step(
        self, state: object | None, key: bytes | None, value: bytes | None, offset: int, *, replayed: bool = False
    ) -> ToyStep:
        before = state if isinstance(state, ToyState) else ToyState()
        try:
            event = orjson.loads(value or b"")
        except orjson.JSONDecodeError:
            raise Refused("malformed", "not JSON") from None
        if event["id"] == "bug":
            raise RuntimeError(f"this text holds a payload: {value!r}")
        seen, chain, score = before.seen + 1, crc32(event["id"].encode(), before.chain), before.score
        commands = []
        for action in range(_ACTIONS):
            if (before.score + 7 * event["weight"] + 13 * action) % 5 < 2:
                command = {"id": f"{event['id']}/{action}", "seen": seen, "chain": chain, "score": before.score}
                commands.append(ToyCommand(EXECUTORS[action % 2], orjson.dumps(command)))
                score = (score * 31 + event["weight"] + action) % 9973
        decision = orjson.dumps({"id": event["id"], "seen": seen, "chain": chain, "fired": len(commands)})
        return ToyStep(ToyState(seen, chain, score), tuple(commands), (decision,))

    def encode(self, state: object) -> bytes:
        assert isinstance(state, ToyState)
        return orjson.dumps({"state": tuple(state), "padding": _PADDING})

    def decode(self, value: bytes) -> ToyState:
        return ToyState(*orjson.loads(value)["state"])


def interactions(count: int, *, seed: int, prospects: int = 500) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values, always the same for a seed."""
    random = Random(seed)
    for number in range(count):
        prospect = f"prospect-{random.randrange(prospects):05d}"
        event = {"id": f"{seed}-{number}", "weight": random.randrange(1000), "text": "x" * random.randrange(300)}
        yield prospect.encode(), orjson.dumps(event)
