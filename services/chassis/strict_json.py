"""JSON from outside, read so that no two readers of it can disagree: what RFC 8259 leaves open is refused.

Refused are: a key twice in one object, NaN and Infinity, numbers that overflow a double, integers beyond 64 bits,
nesting past the limit, NUL characters (PostgreSQL cannot hold them), lone surrogates and other invalid UTF-8.

There are two readers. The quick one, orjson, hides some of that, so it is believed only where its value proves that nothing
was hidden; all else is read, and refused in words, by the standard library's, which is several times slower.
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

_INTEGER_MAX: Final = 2**63 - 1
_INTEGER_TEXT_MAX: Final = 20
_KEY_BEFORE_SPACE: Final = re.compile(rb'"[ \t\n\r]+:').search
_UNSURE: Final = -1


class StrictJsonError(ValueError):
    """The rule that a text breaks; nothing of the text itself."""


def decode(raw: bytes, *, depth_max: int) -> Any:
    """Return the value of a JSON text in UTF-8. Raises StrictJsonError."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _decode_slowly(raw, depth_max)
    return value if _hides_nothing(raw, value, depth_max) else _decode_slowly(raw, depth_max)


def _hides_nothing(raw: bytes, value: Any, depth_max: int) -> bool:
    """Tell whether the quick reader certainly saw all there is: false may mean no more than that it is not certain.

    Every key of the text is followed by a colon. So where none has a space before it, `":` stands in the text at least as
    often as it has keys; the value has fewer if one stood twice. What a string holds can only make the text count more.
    """
    if b"\\u0000" in raw or _KEY_BEFORE_SPACE(raw):
        return False
    return _keys((value,), depth_max) == raw.count(b'":')


def _keys(values: Iterable[Any], depth_left: int) -> int:
    """Count the keys of the objects among values, and in these, down to a depth; _UNSURE: there is more, or a number that
    the quick reader may have taken for another."""
    count = 0
    for value in values:
        kind = type(value)
        if kind is str:
            continue
        if kind is dict or kind is list:
            within = _keys(value.values() if kind is dict else value, depth_left - 1) if depth_left else _UNSURE
            if within < 0:
                return _UNSURE
            count += within + (len(value) if kind is dict else 0)
        elif kind is not bool and value is not None and not -_INTEGER_MAX <= value <= _INTEGER_MAX:
            return _UNSURE
    return count


def _decode_slowly(raw: bytes, depth_max: int) -> Any:
    try:
        value = _DECODER.decode(raw.decode())
        if b"\\u" in raw:
            orjson.loads(raw)  # refuses lone surrogates, which the standard library lets through
    except StrictJsonError:
        raise
    except UnicodeDecodeError:
        raise StrictJsonError("it is not UTF-8") from None
    except RecursionError:
        raise _too_deep(depth_max) from None
    except ValueError:
        raise StrictJsonError("it is not JSON") from None
    _check_nesting(value, depth_max, escapes=b"\\u0000" in raw)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise StrictJsonError("a key stands twice in one object")
    return value


def _integer(text: str) -> int:
    if len(text) <= _INTEGER_TEXT_MAX and -_INTEGER_MAX <= (number := int(text)) <= _INTEGER_MAX:
        return number
    raise StrictJsonError("an integer does not fit 64 bits")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise StrictJsonError("a number is too large")
    return number


def _constant(_text: str) -> float:
    raise StrictJsonError("NaN and Infinity are not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _too_deep(depth_max: int) -> StrictJsonError:
    return StrictJsonError(f"it is nested deeper than {depth_max}")


def _check_nesting(value: Any, depth_max: int, *, escapes: bool) -> None:
    """Walk the value level by level, which costs no stack; `escapes`: texts may hold a NUL and are looked at."""
    level, depth = [value], 0
    while level:
        if escapes and any(_has_nul(item) for item in level):
            raise StrictJsonError("a text holds a NUL character")
        level = [item for item in level if type(item) is dict or type(item) is list]
        depth += bool(level)
        if depth > depth_max:
            raise _too_deep(depth_max)
        level = [
            child
            for item in level
            for child in (item.values() if type(item) is dict else item)
            if escapes or type(child) is dict or type(child) is list
        ]


def _has_nul(item: Any) -> bool:
    if type(item) is str:
        return "\0" in item
    return type(item) is dict and any("\0" in key for key in item)
