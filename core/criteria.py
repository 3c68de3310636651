"""Criteria compiled to closures, once per version of a list: what judges an interaction, and what its explanation repeats.

`changed` and `changedTo` compare a record change's values before and after it, whatever has happened since; on other
triggers there is no change, and they are false.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.operators import CHANGES, RELATIVE, Judge, judge_of
from core.paths import attribute, read, type_of
from core.records import Interaction
from core.values import Values

__all__ = ["ALWAYS", "Condition", "Criteria", "compile_condition", "compile_criteria", "read"]

Matches = Callable[[Values, Interaction], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One rule. `judge` takes the values of `reads`, in order, and the acceptance time in ms when the rule is `relative`."""

    field: str
    operator: str
    expected: Any
    reads: tuple[str, ...]
    judge: Judge
    relative: bool


@dataclass(frozen=True, slots=True)
class Criteria:
    """`reads` are the paths that `matches` may look at, `conditions` its rules in the order in which they stand."""

    matches: Matches
    reads: tuple[str, ...]
    conditions: tuple[Condition, ...]


ALWAYS: Final = Criteria(lambda _values, _interaction: True, (), ())


def compile_criteria(criteria: Mapping[str, Any] | None, types: Mapping[str, str]) -> Criteria:
    """Compile a group as `schemas.criteria.RuleGroup` writes it; None is always true.

    `types` are those of the catalogue's fields; a field that it does not name is a text. Raises ValueError on criteria
    that the check at save would have refused.
    """
    if criteria is None:
        return ALWAYS
    conditions: list[Condition] = []
    matches = _group(criteria, types, conditions)
    reads = dict.fromkeys(path for condition in conditions for path in condition.reads)
    return Criteria(matches, tuple(reads), tuple(conditions))


def compile_condition(rule: Mapping[str, Any], types: Mapping[str, str]) -> Condition:
    """Compile one rule. Raises ValueError when its operator or operand does not go with the field's type."""
    path, operator, expected = rule["field"], rule["operator"], rule.get("value")
    judge = judge_of(operator, type_of(path, types) or "text", expected, exact=rule.get("exact", False))
    reads = _around_change(path) if operator in CHANGES else (path,)
    return Condition(path, operator, expected, reads, judge, operator in RELATIVE)


def _around_change(path: str) -> tuple[str, str]:
    name = attribute(path)
    if name is None or path.startswith("event.before."):
        raise ValueError("only original.* and event.after.* can have changed")
    return f"event.after.{name}", f"event.before.{name}"


def _group(group: Mapping[str, Any], types: Mapping[str, str], conditions: list[Condition]) -> Matches:
    parts = [_part(part, types, conditions) for part in group.get("rules", ())]
    joined = _any(parts) if parts and group.get("combinator", "and") == "or" else _all(parts)
    if not group.get("not", False):
        return joined
    return lambda values, interaction: not joined(values, interaction)


def _part(part: Mapping[str, Any], types: Mapping[str, str], conditions: list[Condition]) -> Matches:
    if "rules" in part:
        return _group(part, types, conditions)
    condition = compile_condition(part, types)
    conditions.append(condition)
    return _judged(condition)


def _judged(condition: Condition) -> Matches:
    judge, seen, *others = condition.judge, *map(read, condition.reads)
    if condition.relative:
        return lambda values, interaction: judge(seen(values, interaction), interaction.recorded_ms)
    if others:
        before = others[0]
        return lambda values, interaction: judge(seen(values, interaction), before(values, interaction))
    return lambda values, interaction: judge(seen(values, interaction))


def _all(parts: list[Matches]) -> Matches:
    if len(parts) == 1:
        return parts[0]

    def every(values: Values, interaction: Interaction) -> bool:
        for part in parts:  # noqa: SIM110 - `all` with a generator costs twice as much
            if not part(values, interaction):
                return False
        return True

    return every


def _any(parts: list[Matches]) -> Matches:
    if len(parts) == 1:
        return parts[0]

    def some(values: Values, interaction: Interaction) -> bool:
        for part in parts:  # noqa: SIM110 - as above
            if part(values, interaction):
                return True
        return False

    return some
