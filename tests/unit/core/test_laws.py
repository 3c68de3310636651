"""The laws of the machine, under random logs, crashes, repeats and interleavings."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.drawn_worlds import any_moves, happen, lists, moves, play, world_of
from tests.support.replay import replayed


@given(lists, any_moves)
@settings(max_examples=120, deadline=None)
def test_once_all_is_settled_nothing_is_pending_and_the_state_is_the_record(lists: Any, moves: Any) -> None:
    world = world_of(lists)
    play(world, moves)
    for prospect_id, row in world.rows.items():
        state = world.states[prospect_id]
        assert state.pending == ()
        assert state.values == row.values


@given(lists, moves)
@settings(max_examples=120, deadline=None)
def test_crashes_repeats_and_interleavings_of_executors_change_no_command_and_no_record(lists: Any, moves: Any) -> None:
    """The order of what happened is all that matters: here, against a run without any disturbance.

    The undisturbed run's changes by hand make the same versions, which are part of their triggers' ids.
    """
    disturbed, calm = world_of(lists), world_of(lists)
    versions = iter(play(disturbed, moves))
    for move, number in moves:
        if move.startswith(("accept", "edit")):
            happen(calm, move, number)
        elif move == "change by hand":
            happen(calm, move, number, next(versions))
    calm.settle()
    assert disturbed.emitted.keys() == calm.emitted.keys()
    assert [row.values for row in disturbed.rows.values()] == [row.values for row in calm.rows.values()]
    assert disturbed.decisions.keys() == calm.decisions.keys()


@given(lists, any_moves, st.integers(0, 100))
@settings(max_examples=100, deadline=None)
def test_a_replay_from_any_checkpoint_gives_equal_bytes(lists: Any, moves: Any, cut: int) -> None:
    world = world_of(lists)
    play(world, moves)
    again = replayed(world, lists, cut)
    assert again.emitted == world.emitted
    assert again.decisions == world.decisions


def test_commands_and_decisions_do_not_depend_on_the_hash_seed_nor_do_those_of_a_replay() -> None:
    """Drawn worlds, played and replayed by processes of other hash seeds."""
    drawn: list[Any] = []

    @given(st.tuples(lists, any_moves, st.integers(0, 100)))
    @settings(max_examples=30, deadline=None, derandomize=True, database=None)
    def draw(world: Any) -> None:
        drawn.append(world)

    draw()
    root = Path(__file__).parents[3]
    told = [
        json.loads(
            subprocess.run(
                [sys.executable, "-m", "tests.support.replay"],
                input=json.dumps(drawn).encode(),
                env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
                cwd=root,
                check=True,
                stdout=subprocess.PIPE,
            ).stdout
        )
        for seed in ("0", "1", "4242")
    ]
    assert told[0] == told[1] == told[2]
    assert told[0]["seen"].keys() >= {
        *("assign_owner", "version 2", "spam", "frequency", "prospect.updated", "prospect.tag_added", "depth 1")
    }
