"""A field's value as it is stored, from what a client or a form sent: typed, bounded, one spelling for one value."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, assert_never

from core import comparables
from core.records import instant
from core.text import key
from schemas.field_catalogue import MULTI_MAX_VALUES, NUMBER_DECIMALS, NUMBER_LIMIT, TEXT_MAX_LENGTH, Field, FieldType

OPTION_MAX_LENGTH: Final = 100


def check_value(field: Field, value: Any) -> Any:
    """Return `value` as it is stored in `field`. Raises ValueError, in words that follow the field's name, when it does not fit.

    A datetime becomes UTC in milliseconds with `Z`, an option takes its spelling of the catalogue, a multi value loses its
    repeats, an integral number its fraction. None is for the caller: it clears a field.
    """
    return stored(field.type, value, field.options)


def stored(field_type: FieldType, value: Any, options: Sequence[str] = ()) -> Any:
    """Return `value` as a field of that type stores it; without options any text is one. Raises as `check_value`."""
    match field_type:
        case "text":
            return _text(value, TEXT_MAX_LENGTH)
        case "number":
            return check_number(value)
        case "bool":
            return _boolean(value)
        case "date":
            return _date(value)
        case "datetime":
            return _datetime(value)
        case "picklist":
            return _option(value, options)
        case "multi":
            return _multi(value, options)
        case _:
            assert_never(field_type)


def check_number(value: Any) -> int | float:
    """Return a number as it is stored. Raises ValueError when it is too large or too fine."""
    if comparables.number(value) is None:
        raise ValueError("must be a number")
    if not -NUMBER_LIMIT < value < NUMBER_LIMIT:  # nor is a NaN
        raise ValueError(f"must be smaller than {NUMBER_LIMIT} in magnitude")
    exact = Decimal(repr(value))
    if exact != round(exact, NUMBER_DECIMALS):
        raise ValueError(f"must have at most {NUMBER_DECIMALS} decimals")
    return int(value) if value == int(value) else float(value)


def _text(value: Any, max_length: int) -> str:
    if type(value) is not str:
        raise ValueError("must be a text")
    if len(value) > max_length:
        raise ValueError(f"must have at most {max_length} characters")
    if "\x00" in value:  # PostgreSQL stores none
        raise ValueError("must not contain the character U+0000")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value


def _date(value: Any) -> str:
    if comparables.day(value) is None or len(value) != len("2026-01-31"):
        raise ValueError("must be a date such as 2026-01-31")
    return str(value)


def _datetime(value: Any) -> str:
    unix_us = comparables.instant(value)
    if unix_us is None:
        raise ValueError("must be a date or an instant with its zone, such as 2026-01-31T10:00:00Z")
    try:
        return instant(unix_us // 1000)
    except OverflowError:
        raise ValueError("must lie in the years 1 to 9999") from None


def _option(value: Any, options: Sequence[str]) -> str:
    text = _text(value, OPTION_MAX_LENGTH)
    if not text:
        raise ValueError("must not be empty")
    if not options:
        return text
    spelling = next((option for option in options if key(option) == key(text)), None)
    if spelling is None:
        raise ValueError("must be one of the field's options")
    return spelling


def _multi(value: Any, options: Sequence[str]) -> list[str]:
    if (items := comparables.items(value)) is None:
        raise ValueError("must be an array of texts")
    if len(items) > MULTI_MAX_VALUES:
        raise ValueError(f"must have at most {MULTI_MAX_VALUES} values")
    return list(dict.fromkeys(_option(item, options) for item in items))
