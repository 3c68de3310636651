"""What each operator of criteria means, once, for judging, explaining and the check at save.

A judge takes the value that the field has and says yes or no; `withinLast` and `olderThan` take the acceptance time
(Unix milliseconds) besides, `changed` and `changedTo` the value before the change. Null rules: a missing value (see
`core.comparables`) makes every operator false but `null`; `changed` alone compares with missing, so that a field which was
filled or cleared has changed. An empty set is not missing: `noneOf` holds for it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from core import comparables
from core.comparables import DAY_US, Comparable
from core.text import key
from schemas.contract import duration_s
from schemas.criteria import OPERATORS

Judge = Callable[..., bool]

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
_JUDGES: Final[dict[str, Callable[[Comparable, Any], Judge]]] = {
    "=": lambda read, operand: lambda seen: read(seen) == operand,
    "!=": lambda read, operand: lambda seen: (of := read(seen)) is not None and of != operand,
    "in": lambda read, operand: lambda seen: read(seen) in operand,
    "notIn": lambda read, operand: lambda seen: (of := read(seen)) is not None and of not in operand,
    "null": lambda read, _: lambda seen: read(seen) is None,
    "notNull": lambda read, _: lambda seen: read(seen) is not None,
    "<": lambda read, operand: lambda seen: (of := read(seen)) is not None and of < operand,
    "<=": lambda read, operand: lambda seen: (of := read(seen)) is not None and of <= operand,
    ">": lambda read, operand: lambda seen: (of := read(seen)) is not None and of > operand,
    ">=": lambda read, operand: lambda seen: (of := read(seen)) is not None and of >= operand,
    "between": lambda read, operand: lambda seen: (of := read(seen)) is not None and operand[0] <= of <= operand[1],
    "contains": lambda read, operand: lambda seen: (of := read(seen)) is not None and operand in of,
    "doesNotContain": lambda read, operand: lambda seen: (of := read(seen)) is not None and operand not in of,
    "beginsWith": lambda read, operand: lambda seen: (of := read(seen)) is not None and of.startswith(operand),
    "endsWith": lambda read, operand: lambda seen: (of := read(seen)) is not None and of.endswith(operand),
    "changed": lambda read, _: lambda after, before: read(after) != read(before),
    "changedTo": lambda read, operand: lambda after, before: read(after) == operand != read(before),
}


def judge_of(operator: str, of_type: str, value: Any, *, exact: bool = False) -> Judge:
    """Return the judge of `operator` with the operand `value` on a field of `of_type`.

    Raises ValueError, with a sentence about the operand or the operator, when they do not go together.
    """
    if operator in UNARY and value is not None:
        raise ValueError(f"{operator} takes no value")
    if operator in _ARRAYS and not (isinstance(value, (list, tuple)) and value):
        raise ValueError(f"{operator} takes an array of values")
    if of_type in _SET_TYPES or operator in _SETS:
        return _set_judge(operator, of_type, value, exact=exact)
    as_type = _as_type(operator, value) if of_type == "open" else of_type
    if operator not in OPERATORS[as_type]:
        raise ValueError(f"{operator} does not go with type {as_type}")
    read = _reader(operator, of_type, as_type, exact=exact)
    if operator in RELATIVE:
        return _relative_judge(operator, read, value)
    return _JUDGES["=" if operator == "on" else operator](read, _operand(operator, read, as_type, value))


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


def _reader(operator: str, of_type: str, as_type: str, *, exact: bool) -> Comparable:
    if operator == "on":
        return comparables.day
    if of_type == "open":
        if operator in ("null", "notNull"):
            return comparables.anything
        return comparables.open_exact_text if exact and as_type == "text" else _READ_OPEN[as_type]
    return comparables.exact_text if exact and as_type in ("text", "picklist") else _READ[as_type]


def _operand(operator: str, read: Comparable, as_type: str, value: Any) -> Any:
    if operator in UNARY:
        return None
    if operator not in _ARRAYS:
        return _scalar(read, "date" if operator == "on" else as_type, value)
    operands = [_scalar(read, as_type, item) for item in value]
    if operator != "between":
        return frozenset(operands)
    low, *high = operands
    if len(high) != 1 or low > high[0]:
        raise ValueError("between takes [low, high]")
    return operands


def _scalar(read: Comparable, as_type: str, value: Any) -> Any:
    if (operand := read(value)) is None or operand == "":
        raise ValueError(f"must be {_ASKED[as_type]}")
    return operand


def _relative_judge(operator: str, read: Comparable, value: Any) -> Judge:
    if (duration := comparables.identity(value)) is None:
        raise ValueError("must be a duration such as P7D")
    duration_us = duration_s(duration) * 1_000_000
    if duration_us < 0:
        raise ValueError("must not be negative")
    unit_us = DAY_US if read is comparables.day else 1

    def within_last(seen: Any, recorded_ms: int) -> bool:
        now_us = recorded_ms * 1000
        return (of := read(seen)) is not None and (now_us - duration_us) // unit_us <= of <= now_us // unit_us

    def older_than(seen: Any, recorded_ms: int) -> bool:
        return (of := read(seen)) is not None and of < (recorded_ms * 1000 - duration_us) // unit_us

    return within_last if operator == "withinLast" else older_than


def _set_judge(operator: str, of_type: str, value: Any, *, exact: bool) -> Judge:
    items = comparables.open_items if of_type == "open" else comparables.items
    match operator:
        case "null":
            return lambda seen: items(seen) is None
        case "notNull":
            return lambda seen: items(seen) is not None
        case "anyOf" | "allOf" | "noneOf" if of_type in _SET_TYPES or of_type == "open":
            same = _same(of_type, exact=exact)
            return _membership_judge(operator, items, same, frozenset(map(same, _texts(value))))
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


def _membership_judge(operator: str, items: Comparable, same: Callable[[str], str], operands: frozenset[str]) -> Judge:
    def meets(of: Sequence[Any]) -> bool:
        for item in of:  # noqa: SIM110 - `any` with a generator costs twice as much
            if type(item) is str and same(item) in operands:
                return True
        return False

    def any_of(seen: Any) -> bool:
        return (of := items(seen)) is not None and meets(of)

    def all_of(seen: Any) -> bool:
        return (of := items(seen)) is not None and operands <= {same(item) for item in of if type(item) is str}

    def none_of(seen: Any) -> bool:
        return (of := items(seen)) is not None and not meets(of)

    match operator:
        case "anyOf":
            return any_of
        case "allOf":
            return all_of
        case _:
            return none_of
