"""Compares what must be there with what is: every value of the record, every interaction, every command, nothing else."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from deploy.demo.observation import Observed
from tests.chaos.model.expectation import Expected, ExpectedInteraction
from tests.chaos.model.log import Record, record


def differences(expected: Expected, observed: Observed) -> Iterator[str]:
    """Yield a sentence for everything that is not as expected of one prospect."""
    yield from _records(expected.record, record(observed.record))
    wanted = {interaction.uid: interaction for interaction in expected.interactions}
    for uid, interaction in wanted.items():
        if uid in observed.timeline:
            yield from _interactions(interaction, observed.timeline[uid])
        else:
            yield f"{interaction.type} {uid} is missing (depth {interaction.depth})"
    for uid in observed.timeline.keys() - wanted.keys():
        yield f"{observed.timeline[uid]['type']} {uid} is there and should not be"


def unexplained(expected: ExpectedInteraction, explained: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for every action whose reason for not firing is another one."""
    decision = explained["decision"]
    if decision is None:
        yield f"{expected.type} {expected.uid} is not decided: {explained['status']}"
        return
    seen = {action["id"]: action["reason"] for action in decision["actions"] if not action["fired"]}
    if seen != expected.not_fired:
        yield f"{expected.type} {expected.uid} did not fire because of {seen}, expected {expected.not_fired}"


def _records(expected: Record, seen: Record) -> Iterator[str]:
    for name, value in expected.items():
        if name == "fields":
            for key in sorted(value.keys() | seen["fields"].keys()):
                if not _same(value.get(key), seen["fields"].get(key)):
                    yield f"field {key} is {seen['fields'].get(key)!r}, expected {value.get(key)!r}"
        elif value != seen[name]:
            yield f"{name} is {seen[name]!r}, expected {value!r}"


def _same(one: Any, other: Any) -> bool:
    """Say whether two values of a field are equal; instants in whichever spelling."""
    if one == other:
        return True
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except (TypeError, ValueError):
        return False


def _interactions(expected: ExpectedInteraction, entry: Mapping[str, Any]) -> Iterator[str]:
    name = f"{expected.type} {expected.uid}"
    if entry["decision"] is None:
        yield f"{name} is {entry['status']}, not decided"
        return
    for what, wanted, seen in (
        ("type", expected.type, entry["type"]),
        ("asset", expected.asset_id, entry["asset_id"]),
        ("depth", expected.depth, entry["depth"]),
        ("version", expected.version, entry["decision"]["version"]),
        ("reason", expected.reason, entry["decision"]["reason"]),
        ("derived", list(expected.derived), entry["derived"]),
    ):
        if wanted != seen:
            yield f"{name}: {what} is {seen!r}, expected {wanted!r}"
    commands = {command["id"]: command for command in entry["commands"]}
    fired = {command.id: command for command in expected.commands}
    for command_id, command in fired.items():
        state = commands.get(command_id, {}).get("outcome", {}).get("state")
        if state is None:
            yield f"{name}: {command.action_id} did not fire"
        elif command.state not in (None, state):
            yield f"{name}: {command.action_id} ended {state}, expected {command.state}"
    for command_id in commands.keys() - fired.keys():
        yield f"{name}: {commands[command_id]['action_id']} fired and should not have"
