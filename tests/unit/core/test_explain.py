"""An explanation is recomputed from the compact decision and agrees with what was decided."""

from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings

from core.criteria import read
from core.definitions import compile_list
from core.explain import explain
from core.records import Interaction
from core.values import Values
from tests.support.criteria_worlds import TYPES, interaction_of, judged_groups, values_of, world
from tests.support.simulation import action_list

HOT = {"type": "add_tags", "params": {"tags": ["hot"]}}


def _list(*actions: dict[str, Any]) -> dict[str, Any]:
    named = [{"id": f"a{position}", **HOT, **action} for position, action in enumerate(actions)]
    return action_list("link", "redirect_link", named, types=TYPES)


def _decision(document: dict[str, Any], values: Values, interaction: Interaction, **more: Any) -> dict[str, Any]:
    """Write a decision as the evaluator does, through JSON."""
    compiled = compile_list(document)
    judged = compiled.judged.get(interaction.trigger)
    paths = judged.slots.paths if judged else []
    reads = {path: seen for path in paths if (seen := read(path)(values, interaction)) is not None}
    fired = [
        position
        for position, action in enumerate(compiled.actions)
        if action.enabled and action.trigger == interaction.trigger and action.criteria.matches(values, interaction)
    ]
    decision = {
        "type": interaction.type,
        "recordedtime": interaction.recordedtime,
        "fired": fired,
        "reads": reads,
        "reason": None,
        "reasons": {},
    }
    return dict(orjson.loads(orjson.dumps(decision | more)))


def _judged(group: dict[str, Any], results: list[bool]) -> bool:
    parts = [_judged(part, results) if "rules" in part else results.pop(0) for part in group["rules"]]
    together = any(parts) if group.get("combinator") == "or" and parts else all(parts)
    return together is not group.get("not", False)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(judged=judged_groups())
def test_the_conditions_of_an_explanation_give_the_decision(judged: tuple[dict[str, Any], dict[str, Any]]) -> None:
    group, of_world = judged
    interaction = interaction_of(of_world)
    document = _list({"criteria": group, "trigger": interaction.trigger})
    decision = _decision(document, values_of(of_world), interaction)
    (action,) = explain(decision, document)
    assert action["fired"] is bool(decision["fired"])
    assert action["reason"] == (None if decision["fired"] else "criteria")
    assert _judged(group, [condition["result"] for condition in action["conditions"]]) is action["fired"]


def test_a_condition_tells_what_it_asked_and_what_it_saw() -> None:
    criteria = {"rules": [{"field": "original.score", "operator": ">=", "value": 10}]}
    of_world = world({"score": 5})
    document = _list({"criteria": criteria})
    assert explain(_decision(document, values_of(of_world), interaction_of(of_world)), compile_list(document)) == [
        {
            "id": "a0",
            "name": "a0",
            "fired": False,
            "reason": "criteria",
            "conditions": [{"field": "original.score", "operator": ">=", "expected": 10, "seen": 5, "result": False}],
        }
    ]


def test_a_missing_value_is_seen_as_null() -> None:
    document = _list({"criteria": {"rules": [{"field": "original.the_text", "operator": "!=", "value": "a"}]}})
    (action,) = explain(_decision(document, values_of(world()), interaction_of(world())), document)
    assert action["conditions"][0]["seen"] is None
    assert action["conditions"][0]["result"] is False


def test_a_change_tells_the_value_before_too() -> None:
    criteria = {"rules": [{"field": "original.the_text", "operator": "changedTo", "value": "b"}]}
    change: dict[str, Any] = {"tags": [], "lists": [], "delta": None, "depth": 0, "by": "sql"}
    change |= {
        side: world({"fields": {"the_text": text}})["original"] for side, text in [("before", "a"), ("after", "b")]
    }
    of_world = world(type="prospect.updated", change=change)
    document = _list({"criteria": criteria, "trigger": "updated"})
    (action,) = explain(_decision(document, values_of(of_world), interaction_of(of_world)), document)
    assert action["fired"]
    assert (action["conditions"][0]["before"], action["conditions"][0]["seen"]) == ("a", "b")


def test_what_was_not_judged_says_why_and_has_no_conditions() -> None:
    criteria = {"rules": [{"field": "original.score", "operator": ">=", "value": 0}]}
    document = _list(
        {"criteria": criteria}, {"criteria": criteria, "enabled": False}, {"criteria": criteria, "trigger": "opened"}
    )
    decision = _decision(document, values_of(world()), interaction_of(world()))
    explained = explain(decision, document)
    assert [action["reason"] for action in explained] == [None, "disabled", "trigger"]
    assert [len(action["conditions"]) for action in explained] == [1, 0, 0]


def test_a_sequence_discarded_as_a_whole_gives_its_reason_to_each_action_that_would_have_been_judged() -> None:
    document = _list({}, {"trigger": "opened"})
    decision = _decision(document, values_of(world()), interaction_of(world()), fired=[], reads={}, reason="spam")
    assert [action["reason"] for action in explain(decision, document)] == ["spam", "trigger"]


def test_a_reason_that_list_and_values_do_not_tell_is_the_decisions() -> None:
    document = _list({"frequency": {"once": True}}, {})
    decision = _decision(document, values_of(world()), interaction_of(world()), fired=[1], reasons={"0": "frequency"})
    assert [action["reason"] for action in explain(decision, document)] == ["frequency", None]
