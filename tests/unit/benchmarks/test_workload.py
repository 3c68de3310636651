from collections import Counter

import orjson
import pytest

from core.definitions import Definitions
from core.state import State
from core.step import step
from schemas.action_lists import ActionList, Actions
from tests.benchmarks.workload import MIXES, Workload


@pytest.mark.parametrize(
    "workload",
    [Workload(500, prospects=40, mix=mix, actions=actions) for mix in MIXES for actions in (5, 50)],
    ids=str,
)
def test_the_machine_makes_the_commands_that_a_workload_expects(workload: Workload) -> None:
    definitions, states, commands = Definitions(), dict[bytes, State | None](), Counter[str]()
    for _, value in workload.definitions():
        definitions.apply(orjson.loads(value))
    records = [*workload.snapshots(), *workload.events()]
    decisions = 0
    for offset, (key, value) in enumerate(records):
        stepped = step(states.get(key), key, value, offset, definitions)
        states[key] = stepped.state
        commands.update(command.executor for command in stepped.commands)
        decisions += len(stepped.decisions)

    assert commands == workload.expected_commands()
    assert decisions == workload.interactions
    assert 1.5 < commands.total() / workload.interactions < 2.5


@pytest.mark.parametrize("mix", MIXES)
def test_a_workloads_lists_are_such_as_a_marketer_could_save(mix: str) -> None:
    lists = [value for _, value in Workload(0, mix=mix).definitions() if b"action_list" in value]
    assert len(lists) == 20
    for document in lists:
        actions = ActionList.model_validate_json(document).actions
        assert len(Actions.model_validate_json(orjson.dumps({"actions": actions})).actions) == 5
