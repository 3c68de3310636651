"""Why each action of a list fired or did not, recomputed from a compact decision.

The conditions are judged by the tests that judged the interaction, on the values that the decision kept, so that an
explanation cannot disagree with what happened.
"""

from collections.abc import Mapping
from typing import Any

from core.criteria import Condition
from core.definitions import CompiledAction, CompiledList, compile_list
from core.records import milliseconds


def explain(decision: Mapping[str, Any], actions: CompiledList | Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one `{id, name, fired, reason, conditions}` per action of the list, in order.

    `decision` is a record of the form of `schemas.decisions.Decision`, `actions` the version that it names, compiled or as
    its record. `conditions` are `{field, operator, expected, seen, result}`, with `before` where the operator compares
    with it; an action that was not judged (another trigger, disabled, a sequence discarded as a whole) has none.
    """
    compiled = actions if isinstance(actions, CompiledList) else compile_list(actions)
    return [_explained(decision, position, action) for position, action in enumerate(compiled.actions)]


def _explained(decision: Mapping[str, Any], position: int, action: CompiledAction) -> dict[str, Any]:
    reason = _not_judged(decision, action)
    conditions = [] if reason else _conditions(decision, action)
    fired = position in decision.get("fired", ())
    if not fired and reason is None:
        reason = decision.get("reasons", {}).get(str(position), "criteria")
    return {
        "id": action.id,
        "name": action.name,
        "fired": fired,
        "reason": None if fired else reason,
        "conditions": conditions,
    }


def _not_judged(decision: Mapping[str, Any], action: CompiledAction) -> str | None:
    if action.trigger != decision["type"].partition(".")[2]:
        return "trigger"
    if not action.enabled:
        return "disabled"
    reason: str | None = decision.get("reason")
    return reason


def _conditions(decision: Mapping[str, Any], action: CompiledAction) -> list[dict[str, Any]]:
    recorded_ms = milliseconds(decision["recordedtime"])
    return [_condition(condition, decision["reads"], recorded_ms) for condition in action.criteria.conditions]


def _condition(condition: Condition, reads: Mapping[str, Any], recorded_ms: int) -> dict[str, Any]:
    values = [reads.get(path) for path in condition.reads]
    explained = {
        "field": condition.field,
        "operator": condition.operator,
        "expected": condition.expected,
        "seen": values[0],
        "result": condition.judge(values, recorded_ms),
    }
    return {**explained, "before": values[1]} if len(values) > 1 else explained
