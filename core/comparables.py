"""How a stored value is read for comparing: as something of its field's type, or as missing (None).

Missing are: nothing, an empty text, and whatever does not fit the type (a foreign writer's mistake never stops a
sequence). A day is a number of days since 1970, an instant of microseconds; both read dates and RFC 3339 instants, a date
being its midnight in UTC and an instant lying on its day in UTC.

What a form or a tracker sends has no declared type. Where a number is asked for, a text that writes one counts; where a
text is asked for, numbers and booleans count as JSON writes them; where a set is asked for, a lone text is a set of one.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from unicodedata import normalize

from core.text import key

Comparable = Callable[[Any], Any]

DAY_US: Final = 24 * 3600 * 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_US: Final = timedelta(microseconds=1)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
).fullmatch
_INSTANT_MAX_LENGTH: Final = 35
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(\.\d{1,10})?", re.ASCII).fullmatch


def spelling(value: str) -> str:
    """Return `value` trimmed of spaces and in NFC: what an exact comparison compares."""
    return normalize("NFC", value.strip(" "))


def text(value: Any) -> str | None:
    """Read a text, case left out."""
    return key(value) if type(value) is str and value else None


def exact_text(value: Any) -> str | None:
    """Read a text, case counting."""
    return spelling(value) if type(value) is str and value else None


def identity(value: Any) -> str | None:
    """Read an id, exactly as it is."""
    return value if type(value) is str and value else None


def number(value: Any) -> int | float | None:
    """Read a number; a boolean is none."""
    return value if type(value) in (int, float) else None


def boolean(value: Any) -> bool | None:
    """Read a boolean, nothing else being true or false."""
    return value if type(value) is bool else None


def day(value: Any) -> int | None:
    """Read a day."""
    moment = instant(value)
    return None if moment is None else moment // DAY_US


def instant(value: Any) -> int | None:
    """Read an instant."""
    return _instant(value) if type(value) is str and len(value) <= _INSTANT_MAX_LENGTH else None


@lru_cache(maxsize=65_536)
def _instant(value: str) -> int | None:
    try:
        if _DATE(value):
            return (date.fromisoformat(value).toordinal() - _EPOCH_DAY) * DAY_US
        if _INSTANT(value):
            return (datetime.fromisoformat(value.upper()) - _EPOCH) // _US
    except ValueError:  # the 30th of February
        return None
    return None


def items(value: Any) -> Sequence[Any] | None:
    """Read a set; an item that is no text is equal to nothing."""
    return value if type(value) in (list, tuple) else None


def anything(value: Any) -> Any:
    """Read an undeclared value: all but an empty text is present."""
    return None if value == "" else value


def open_text(value: Any) -> str | None:
    """Read an undeclared value as a text, case left out."""
    return text(_written(value))


def open_exact_text(value: Any) -> str | None:
    """Read an undeclared value as a text, case counting."""
    return exact_text(_written(value))


def _written(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case int():
            return str(value)
        case _:
            return value


def open_number(value: Any) -> int | float | None:
    """Read an undeclared value as a number."""
    if type(value) is not str:
        return number(value)
    trimmed = value.strip(" ")
    if not _NUMBER(trimmed):
        return None
    return float(trimmed) if "." in trimmed else int(trimmed)


def open_boolean(value: Any) -> bool | None:
    """Read an undeclared value as a boolean."""
    return {"true": True, "false": False}.get(key(value)) if type(value) is str else boolean(value)


def open_items(value: Any) -> Sequence[Any] | None:
    """Read an undeclared value as a set."""
    return ([value] if value else None) if type(value) is str else items(value)
