"""What each operator of criteria means, once, for judging, explaining and the check at save.

An operation is a view, which reads the value that the field has, and a test of what the view gives: the same view of the
same value serves many tests. `withinLast` and `olderThan` take the acceptance time (Unix milliseconds) besides, `changed`
and `changedTo` the view of the value before the change. Null rules: a missing value (see `core.comparables`) makes every
operator false but `null`; `changed` alone compares with missing, so that a field which was filled or cleared has changed.
An empty set is not missing: `noneOf` holds for it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from core import comparables
from core.comparables import DAY_US, Comparable
from core.text import key
from schemas.contract import duration_s
from schemas.criteria import OPERATORS

Test = Callable[..., bool]


class Operation(NamedTuple):
    """What an operator does with a field: `test(view(value))`."""

    view: Comparable
    test: Test


RELATIVE: Final = frozenset({"withinLast", "olderThan"})
CHANGES: Final = frozenset({"changed", "changedTo"})
UNARY: Final = frozenset({"null", "notNull", "changed"})
"""Operators without a value."""
_SETS: Final = frozenset({"anyOf", "allOf", "noneOf"})
_SET_TYPES: Final = frozenset({"tags", "lists", "multi"})
_DATES: Final = frozenset({"on", *RELATIVE})
_ORDERED: Final = frozenset({"<", "<=", ">", ">=", "between"})
_ARRAYS: Final = frozenset({"in", "notIn", "between", *_SETS})

_ASKED: Final = {
    "text": "a text that is not empty",
    "picklist": "a text that is not empty",
    "user": "a user's id",
    "number": "a number",
    "bool": "true or false",
    "date": "a date such as 2026-01-31",
    "datetime": "a date or an instant with its zone, such as 2026-01-31T10:00:00Z",
}
_READ: Final[dict[str, Comparable]] = {
    "text": comparables.text,
    "picklist": comparables.text,
    "user": comparables.identity,
    "number": comparables.number,
    "bool": comparables.boolean,
    "date": comparables.day,
    "datetime": comparables.instant,
}
_READ_OPEN: Final[dict[str, Comparable]] = {
    "text": comparables.open_text,
    "number": comparables.open_number,
    "bool": comparables.open_boolean,
    "datetime": comparables.instant,
}
_TESTS: Final[dict[str, Callable[[Any], Test]]] = {
    "=": lambda operand: lambda of: of == operand,
    "!=": lambda operand: lambda of: of is not None and of != operand,
    "in": lambda operand: lambda of: of in operand,
    "notIn": lambda operand: lambda of: of is not None and of not in operand,
    "null": lambda _: lambda of: of is None,
    "notNull": lambda _: lambda of: of is not None,
    "<": lambda operand: lambda of: of is not None and of < operand,
    "<=": lambda operand: lambda of: of is not None and of <= operand,
    ">": lambda operand: lambda of: of is not None and of > operand,
    ">=": lambda operand: lambda of: of is not None and of >= operand,
    "between": lambda operand: lambda of: of is not None and operand[0] <= of <= operand[1],
    "contains": lambda operand: lambda of: of is not None and operand in of,
    "doesNotContain": lambda operand: lambda of: of is not None and operand not in of,
    "beginsWith": lambda operand: lambda of: of is not None and of.startswith(operand),
    "endsWith": lambda operand: lambda of: of is not None and of.endswith(operand),
    "changed": lambda _: lambda after, before: after != before,
    "changedTo": lambda operand: lambda after, before: after == operand != before,
}


def operation(operator: str, of_type: str, value: Any, *, exact: bool = False) -> Operation:
    """Return what `operator` does with the operand `value` on a field of `of_type`.

    Raises ValueError, with a sentence about the operand or the operator, when they do not go together.
    """
    if operator in UNARY and value is not None:
        raise ValueError(f"{operator} takes no value")
    if operator in _ARRAYS and not (isinstance(value, (list, tuple)) and value):
        raise ValueError(f"{operator} takes an array of values")
    if of_type in _SET_TYPES or operator in _SETS:
        return _on_set(operator, of_type, value, exact=exact)
    as_type = _as_type(operator, value) if of_type == "open" else of_type
    if operator not in OPERATORS[as_type]:
        raise ValueError(f"{operator} does not go with type {as_type}")
    view = _view(operator, of_type, as_type, exact=exact)
    if operator in RELATIVE:
        return Operation(view, _relative(operator, view, value))
    test = _TESTS["=" if operator == "on" else operator]
    return Operation(view, test(_operand(operator, view, as_type, value)))


def _as_type(operator: str, value: Any) -> str:
    """Say as what an undeclared value is read: operator and operand decide."""
    if operator in _DATES:
        return "datetime"
    operands = value if isinstance(value, (list, tuple)) else (value,)
    if all(type(operand) is bool for operand in operands):
        return "bool"
    if all(type(operand) in (int, float) for operand in operands):
        return "number"
    return "datetime" if operator in _ORDERED else "text"


def _view(operator: str, of_type: str, as_type: str, *, exact: bool) -> Comparable:
    if operator == "on":
        return comparables.day
    if of_type == "open":
        if operator in ("null", "notNull"):
            return comparables.anything
        return comparables.open_exact_text if exact and as_type == "text" else _READ_OPEN[as_type]
    return comparables.exact_text if exact and as_type in ("text", "picklist") else _READ[as_type]


def _operand(operator: str, view: Comparable, as_type: str, value: Any) -> Any:
    if operator in UNARY:
        return None
    if operator not in _ARRAYS:
        return _scalar(view, "date" if operator == "on" else as_type, value)
    operands = [_scalar(view, as_type, item) for item in value]
    if operator != "between":
        return frozenset(operands)
    low, *high = operands
    if len(high) != 1 or low > high[0]:
        raise ValueError("between takes [low, high]")
    return operands


def _scalar(view: Comparable, as_type: str, value: Any) -> Any:
    if (operand := view(value)) is None or operand == "":
        raise ValueError(f"must be {_ASKED[as_type]}")
    return operand


def _relative(operator: str, view: Comparable, value: Any) -> Test:
    if (duration := comparables.identity(value)) is None:
        raise ValueError("must be a duration such as P7D")
    duration_us = duration_s(duration) * 1_000_000
    if duration_us < 0:
        raise ValueError("must not be negative")
    unit_us = DAY_US if view is comparables.day else 1

    def within_last(of: int | None, recorded_ms: int) -> bool:
        now_us = recorded_ms * 1000
        return of is not None and (now_us - duration_us) // unit_us <= of <= now_us // unit_us

    def older_than(of: int | None, recorded_ms: int) -> bool:
        return of is not None and of < (recorded_ms * 1000 - duration_us) // unit_us

    return within_last if operator == "withinLast" else older_than


def _on_set(operator: str, of_type: str, value: Any, *, exact: bool) -> Operation:
    items = comparables.open_items if of_type == "open" else comparables.items
    match operator:
        case "null" | "notNull":
            return Operation(items, _TESTS[operator](None))
        case "anyOf" | "allOf" | "noneOf" if of_type in _SET_TYPES or of_type == "open":
            same = _same(of_type, exact=exact)
            return Operation(items, _membership(operator, same, frozenset(map(same, _texts(value)))))
        case _:
            raise ValueError(f"{operator} does not go with type {of_type}")


def _same(of_type: str, *, exact: bool) -> Callable[[str], str]:
    if of_type == "lists":
        return str
    return comparables.spelling if exact else key


def _texts(value: Iterable[Any]) -> list[str]:
    texts = list(value)
    if not all(type(item) is str and item for item in texts):
        raise ValueError("must be texts that are not empty")
    return texts


def _membership(operator: str, same: Callable[[str], str], operands: frozenset[str]) -> Test:
    def meets(of: Sequence[Any]) -> bool:
        for item in of:  # noqa: SIM110 - `any` with a generator costs twice as much
            if type(item) is str and same(item) in operands:
                return True
        return False

    def any_of(of: Sequence[Any] | None) -> bool:
        return of is not None and meets(of)

    def all_of(of: Sequence[Any] | None) -> bool:
        return of is not None and operands <= {same(item) for item in of if type(item) is str}

    def none_of(of: Sequence[Any] | None) -> bool:
        return of is not None and not meets(of)

    match operator:
        case "anyOf":
            return any_of
        case "allOf":
            return all_of
        case _:
            return none_of
