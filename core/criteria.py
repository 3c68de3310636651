"""Criteria compiled once per version of a list: what judges an interaction, and what its explanation repeats.

Criteria that are judged together share their `Slots`: each path is read once per interaction, and viewed once as each type
that a condition asks for, however many conditions look at it. `changed` and `changedTo` compare a record change's values
before and after it, whatever has happened since; on other triggers there is no change, and they are false.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from core.comparables import Comparable
from core.operators import CHANGES, RELATIVE, Operation, Test, operation
from core.paths import Read, attribute, read, type_of
from core.records import Interaction
from core.values import Values

__all__ = ["ALWAYS", "Condition", "Criteria", "Slots", "compile_condition", "compile_criteria", "read"]

Judge = Callable[[Sequence[Any]], bool]
"""Takes the views of `Slots.views`."""

_RECORDED: Final = 0
"""The slot of the acceptance time in ms."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One rule. `reads` are its paths, the value before the change last; `relative`: it asks for the acceptance time."""

    field: str
    operator: str
    expected: Any
    reads: tuple[str, ...]
    operation: Operation
    relative: bool

    def judge(self, seen: Sequence[Any], recorded_ms: int) -> bool:
        """Judge the values of `reads`."""
        of = [self.operation.view(value) for value in seen]
        return self.operation.test(*of, recorded_ms) if self.relative else self.operation.test(*of)


class Slots:
    """What criteria look at: paths, and the views of them."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        """In the order in which the rules name them."""
        self._reads: list[Read] = []
        self._views: dict[tuple[int, Comparable], int] = {}

    def place(self, path: str, view: Comparable) -> int:
        """Return where a view of `path` stands among the views."""
        if path not in self.paths:
            self.paths.append(path)
            self._reads.append(read(path))
        return self._views.setdefault((self.paths.index(path), view), len(self._views) + 1)

    def seen(self, values: Values, interaction: Interaction) -> list[Any]:
        """Return the values of `paths`, None where there is nothing."""
        return [reads(values, interaction) for reads in self._reads]

    def views(self, seen: Sequence[Any], recorded_ms: int) -> list[Any]:
        """Return what judges take."""
        return [recorded_ms, *[view(seen[path]) for path, view in self._views]]


class Criteria(NamedTuple):
    """`judge` goes with `slots`, whose paths are its own unless they are shared; `conditions` are its rules in their order."""

    judge: Judge
    slots: Slots
    conditions: tuple[Condition, ...]

    def matches(self, values: Values, interaction: Interaction) -> bool:
        """Judge these alone."""
        return self.judge(self.slots.views(self.slots.seen(values, interaction), interaction.recorded_ms))


ALWAYS: Final = Criteria(lambda _views: True, Slots(), ())


def compile_criteria(
    criteria: Mapping[str, Any] | None, types: Mapping[str, str], slots: Slots | None = None
) -> Criteria:
    """Compile a group as `schemas.criteria.RuleGroup` writes it; None is always true.

    `types` are those of the catalogue's fields; a field that it does not name is a text. `slots` are those of the criteria
    judged together with these. Raises ValueError on criteria that the check at save would have refused.
    """
    if criteria is None:
        return ALWAYS
    slots = Slots() if slots is None else slots
    conditions: list[Condition] = []
    judge = _group(criteria, types, slots, conditions)
    return Criteria(judge, slots, tuple(conditions))


def compile_condition(rule: Mapping[str, Any], types: Mapping[str, str]) -> Condition:
    """Compile one rule. Raises ValueError when its operator or operand does not go with the field's type."""
    path, operator, expected = rule["field"], rule["operator"], rule.get("value")
    does = operation(operator, type_of(path, types) or "text", expected, exact=rule.get("exact", False))
    reads = _around_change(path) if operator in CHANGES else (path,)
    return Condition(path, operator, expected, reads, does, operator in RELATIVE)


def _around_change(path: str) -> tuple[str, str]:
    name = attribute(path)
    if name is None or path.startswith("event.before."):
        raise ValueError("only original.* and event.after.* can have changed")
    return f"event.after.{name}", f"event.before.{name}"


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A condition with one view: a group of such is judged without a call for each part."""

    view: int
    test: Test

    def __call__(self, views: Sequence[Any]) -> bool:
        return self.test(views[self.view])


def _group(group: Mapping[str, Any], types: Mapping[str, str], slots: Slots, conditions: list[Condition]) -> Judge:
    parts = [_part(part, types, slots, conditions) for part in group.get("rules", ())]
    joined = _any(parts) if parts and group.get("combinator", "and") == "or" else _all(parts)
    if not group.get("not", False):
        return joined
    return lambda views: not joined(views)


def _part(part: Mapping[str, Any], types: Mapping[str, str], slots: Slots, conditions: list[Condition]) -> Judge:
    if "rules" in part:
        return _group(part, types, slots, conditions)
    condition = compile_condition(part, types)
    conditions.append(condition)
    test, places = condition.operation.test, [slots.place(path, condition.operation.view) for path in condition.reads]
    if condition.relative:
        places.append(_RECORDED)
    if len(places) == 1:
        return _Leaf(places[0], test)
    one, other = places
    return lambda views: test(views[one], views[other])


def _all(parts: list[Judge]) -> Judge:
    leaves = [(part.view, part.test) for part in parts if isinstance(part, _Leaf)]
    others = [part for part in parts if not isinstance(part, _Leaf)]

    def every(views: Sequence[Any]) -> bool:
        for view, test in leaves:
            if not test(views[view]):
                return False
        for part in others:  # noqa: SIM110 - `all` with a generator costs twice as much
            if not part(views):
                return False
        return True

    return every


def _any(parts: list[Judge]) -> Judge:
    if len(parts) == 1:
        return parts[0]

    def some(views: Sequence[Any]) -> bool:
        for part in parts:  # noqa: SIM110 - as above
            if part(views):
                return True
        return False

    return some
