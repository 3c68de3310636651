"""What criteria must be to be saved: known fields, operators and operands that go with their types, bounded size."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.criteria import compile_condition
from core.field_values import check_number
from core.operators import CHANGES
from core.paths import attribute, is_of_record_change, type_of
from core.references import Catalogue, Finding, References, types_of
from core.text import key
from schemas.criteria import DEPTH_MAX, OPERATORS, RULES_MAX, VALUES_MAX
from schemas.triggers import AssetKind

_NAMED: Final = frozenset({"=", "!=", "in", "notIn", "changedTo", "anyOf", "allOf", "noneOf"})
"""Operators whose operands are whole values, not parts of one."""
_OF_OPEN: Final = frozenset(operator for operators in OPERATORS.values() for operator in operators) - CHANGES


def check_criteria(
    criteria: Mapping[str, Any], pointer: str, kind: AssetKind, catalogue: Catalogue, references: References
) -> Iterator[Finding]:
    """Yield what is wrong with a group of the form of `schemas.criteria.RuleGroup`, as pointers below `pointer`."""
    rules = list(_rules(criteria, pointer, depth=1))
    if max((depth for _, depth, _ in rules), default=0) > DEPTH_MAX:
        yield pointer, f"groups must not be nested deeper than {DEPTH_MAX}"
    if len(rules) > RULES_MAX:
        yield pointer, f"must have at most {RULES_MAX} rules"
    if sum(len(_operands(rule)) for _, _, rule in rules) > VALUES_MAX:
        yield pointer, f"must have at most {VALUES_MAX} values"
    types = types_of(catalogue)
    for rule_pointer, _, rule in rules[:RULES_MAX]:
        yield from _check_rule(rule, rule_pointer, kind, types, catalogue, references)


def _rules(group: Mapping[str, Any], pointer: str, depth: int) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    for position, part in enumerate(group.get("rules", ())):
        below = f"{pointer}/rules/{position}"
        if "rules" in part:
            yield from _rules(part, below, depth + 1)
        else:
            yield below, depth, part


def _operands(rule: Mapping[str, Any]) -> list[Any]:
    value = rule.get("value")
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _check_rule(
    rule: Mapping[str, Any],
    pointer: str,
    kind: AssetKind,
    types: Mapping[str, str],
    catalogue: Catalogue,
    references: References,
) -> Iterator[Finding]:
    path, operator = rule["field"], rule["operator"]
    of_type = type_of(path, types)
    if of_type is None:
        yield f"{pointer}/field", "is neither a field of the catalogue nor something that an event has"
    elif kind != "prospect" and is_of_record_change(path):
        yield f"{pointer}/field", "exists for the triggers of the asset prospect only"
    elif operator not in (_OF_OPEN if of_type == "open" else OPERATORS[of_type]):
        yield f"{pointer}/operator", f"does not go with a field of type {of_type}"
    elif operator in CHANGES and kind != "prospect":
        yield f"{pointer}/operator", "exists for the triggers of the asset prospect only"
    elif operator in CHANGES and (attribute(path) is None or path.startswith("event.before.")):
        yield f"{pointer}/operator", "goes with original.* and event.after.* only"
    else:
        yield from _check_operands(rule, f"{pointer}/value", of_type, types, catalogue, references)


def _check_operands(
    rule: Mapping[str, Any],
    pointer: str,
    of_type: str,
    types: Mapping[str, str],
    catalogue: Catalogue,
    references: References,
) -> Iterator[Finding]:
    try:
        compile_condition(rule, types)
    except ValueError as error:
        yield pointer, str(error)
        return
    field = catalogue.get(attribute(rule["field"]) or "")
    options = () if field is None else field.options
    listed = isinstance(rule.get("value"), (list, tuple))
    for position, operand in enumerate(_operands(rule)):
        if operand is not None and (finding := _finding(rule["operator"], of_type, operand, options, references)):
            yield f"{pointer}/{position}" if listed else pointer, finding


def _finding(operator: str, of_type: str, operand: Any, options: tuple[str, ...], references: References) -> str | None:
    if type(operand) in (int, float):
        try:
            check_number(operand)
        except ValueError as error:
            return str(error)
    if operator not in _NAMED:
        return None
    if of_type == "user" and operand not in references.users:
        return "is not a user's id"
    if of_type == "lists" and operand not in references.lists:
        return "is not a list's id"
    if options and key(operand) not in map(key, options):
        return "is not one of the field's options"
    return None
