"""Replays drawn worlds, and as a process of its own, told them as JSON on stdin, prints what became of them.

`bytes` is a digest of every command and decision, `seen` counts what the worlds put to the test.
"""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from tests.support.drawn_worlds import play, world_of
from tests.support.simulation import World


def replayed(world: World, lists: Any, cut: int) -> World:
    """Return a world that evaluated the same log, with a checkpoint after `cut` records from which it went on."""
    again = world_of(lists)
    again.log = world.log
    again.evaluate(cut)
    again.checkpoint()
    again.crash()
    again.evaluate()
    return again


def main() -> None:
    """Play each world and replay it."""
    digest, seen = hashlib.sha256(), Counter[str]()
    for lists, moves, cut in json.load(sys.stdin):
        world = world_of(lists)
        play(world, moves)
        again = replayed(world, lists, cut)
        for values in (world.emitted, world.decisions, again.emitted, again.decisions):
            digest.update(b"\n".join(values.values()))
        seen.update(_kinds(world))
    json.dump({"bytes": digest.hexdigest(), "seen": seen}, sys.stdout)


def _kinds(world: World) -> Iterator[str]:
    for command in map(orjson.loads, world.emitted.values()):
        yield command["type"]
        yield f"version {command['version']}"
    for decision in map(orjson.loads, world.decisions.values()):
        yield str(decision["reason"])
        yield from decision["reasons"].values()
        yield decision["type"]
        yield f"depth {decision['depth']}"


if __name__ == "__main__":
    main()
