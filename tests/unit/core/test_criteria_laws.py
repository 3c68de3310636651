"""Compiled criteria equal an interpreter that shares no code with them."""

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from core.criteria import compile_criteria
from schemas.criteria import OPERATORS
from tests.support import criteria_interpreter as interpreter
from tests.support.criteria_worlds import (
    TYPES,
    every_operand,
    every_stored,
    interaction_of,
    judged_groups,
    judged_rules,
    open_kinds,
    values_of,
    world,
)

Judged = tuple[dict[str, Any], dict[str, Any]]

_thoroughly = settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_COMPARED = [(kind, name) for kind in TYPES.values() for name in OPERATORS[kind] if not name.startswith("changed")]
_CHANGED = [(kind, name) for kind in TYPES.values() for name in OPERATORS[kind] if name.startswith("changed")]
_OPEN = sorted({name for names in OPERATORS.values() for name in names if not name.startswith("changed")})


def _compiled(group: dict[str, Any], of_world: dict[str, Any]) -> bool:
    return compile_criteria(group, TYPES).matches(values_of(of_world), interaction_of(of_world))


def _differences(rule: dict[str, Any], worlds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    matches = compile_criteria({"rules": [rule]}, TYPES).matches
    return [
        each
        for each in worlds
        if matches(values_of(each), interaction_of(each)) is not interpreter.holds(rule, TYPES, each)
    ]


@pytest.mark.parametrize(("kind", "operator"), _COMPARED)
def test_every_operator_on_every_stored_value_of_its_types_is_judged_as_described(kind: str, operator: str) -> None:
    name = f"the_{kind}"
    worlds = [world({"fields": {} if value is None else {name: value}}) for value in every_stored(kind)]
    for operand, exact in product(every_operand(operator, kind), (False, True)):
        rule = {"field": f"original.{name}", "operator": operator, "value": operand, "exact": exact}
        assert _differences(rule, worlds) == [], rule


@pytest.mark.parametrize("operator", _OPEN)
def test_every_operator_on_whatever_a_form_may_send_is_judged_as_described(operator: str) -> None:
    worlds = [world(data={"form": {"x": value}}) for value in every_stored("open")]
    operands = [operand for kind in open_kinds(operator) for operand in every_operand(operator, kind)]
    for operand, exact in product(operands, (False, True)):
        rule = {"field": "event.form.x", "operator": operator, "value": operand, "exact": exact}
        assert _differences(rule, worlds) == [], rule


@pytest.mark.parametrize(("kind", "operator"), _CHANGED)
def test_every_change_of_every_stored_value_is_judged_as_described(kind: str, operator: str) -> None:
    name = f"the_{kind}"
    records = [
        world({"fields": {} if value is None else {name: value}})["original"] for value in every_stored(kind)[::3]
    ]
    worlds = [
        world(type="prospect.updated", change=_CHANGE | {"before": before, "after": after})
        for before, after in product(records, records)
    ]
    for operand in every_operand(operator, kind)[:12]:
        rule = {"field": f"original.{name}", "operator": operator, "value": operand, "exact": False}
        assert _differences(rule, worlds) == [], rule


_CHANGE: dict[str, Any] = {"tags": [], "lists": [], "delta": None, "depth": 0, "by": "sql"}


@_thoroughly
@given(judged=judged_rules())
def test_a_rule_on_any_path_is_judged_as_described(judged: Judged) -> None:
    group, of_world = judged
    assert _compiled(group, of_world) is interpreter.judge(group, TYPES, of_world)


@_thoroughly
@given(judged=judged_groups())
def test_a_group_is_judged_as_described_and_its_negation_the_opposite(judged: Judged) -> None:
    group, of_world = judged
    negated = {**group, "not": not group.get("not", False)}
    assert _compiled(group, of_world) is interpreter.judge(group, TYPES, of_world)
    assert _compiled(negated, of_world) is not _compiled(group, of_world)
