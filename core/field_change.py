"""What `change_field_value` does to one field's value: the same as its statement does in the database.

Numbers carry four decimals and are stored as integers where they are whole, so that both sides add alike.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from core.field_values import stored
from schemas.commands.fields import TYPES_OF_OP
from schemas.field_catalogue import MULTI_MAX_VALUES, NUMBER_DECIMALS, NUMBER_LIMIT, TEXT_MAX_LENGTH, FieldType

SEPARATOR: Final = "; "
"""Between what was appended to a text."""

_STEP: Final = Decimal(1).scaleb(-NUMBER_DECIMALS)


def changed(current: Any, params: Mapping[str, Any]) -> Any:
    """Return the value after the effect, None for none; `current` itself when nothing changes or the effect is refused."""
    if params.get("only_if_empty") and not is_empty(current):
        return current
    field_type, op = params["type"], params["op"]
    try:
        value = operand(field_type, op, params.get("value"))
    except ValueError:
        return current
    match op:
        case "append" if field_type == "multi":
            new = _with_items(current, value)
        case "append":
            new = _with_text(current, value)
        case "increment":
            new = _sum(current, value)
        case _:
            new = value
    return current if new == current and (type(new) is bool) == (type(current) is bool) else new


def operand(field_type: FieldType, op: str, value: Any) -> Any:
    """Return the operation's value as it is stored. Raises ValueError for one that no record can take.

    Options of the catalogue are checked at save, not here.
    """
    if op == "clear":
        return None
    if field_type not in TYPES_OF_OP.get(op, (field_type,)):
        raise ValueError(f"{op} does not go with a {field_type} field")
    if op == "append" and field_type == "multi" and type(value) is str:
        value = [value]
    return stored(field_type, value)


def is_empty(value: Any) -> bool:
    """Say whether a field counts as missing."""
    return value is None or value in ("", [])


def _number(value: Decimal) -> int | float:
    rounded = value.quantize(_STEP, ROUND_HALF_UP)
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)


def _with_items(current: Any, value: list[str]) -> Any:
    have = [] if is_empty(current) else current
    if type(have) is not list:
        return current
    new = [*have, *dict.fromkeys(item for item in value if item not in have)]
    return current if len(new) == len(have) or len(new) > MULTI_MAX_VALUES else new


def _with_text(current: Any, value: str) -> Any:
    if is_empty(current):
        return value
    if type(current) is not str or value in current.split(SEPARATOR):
        return current
    text = f"{current}{SEPARATOR}{value}"
    return current if len(text) > TEXT_MAX_LENGTH else text


def _sum(current: Any, amount: float) -> Any:
    have = 0 if is_empty(current) else current
    if type(have) not in (int, float):
        return current
    total = Decimal(repr(have)) + Decimal(repr(amount))
    return current if abs(total) >= NUMBER_LIMIT else _number(total)
