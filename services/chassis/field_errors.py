"""pydantic's errors as JSON pointers (RFC 6901) into the body that was judged, quoting nothing of it but keys.

pydantic's locations mix the names of unions' branches into the path, `("actions", 0, "add_tags", "params", "tags")`; they
are told from keys by following the location through the value. A branch may be named like a key, so a step is tried
both ways, and the reading that ends at the location's last part holds.
"""

from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.chassis.problems import FieldError

_POINTER_MAX: Final = 256

Location = tuple[int | str, ...]


def field_errors(exc: ValidationError, value: Any) -> list[FieldError]:
    """Return where `value`, the JSON that was judged, breaks which rules."""
    return [
        FieldError(_pointer(error["loc"], value, missing=error["type"] == "missing"), _rule(error))
        for error in exc.errors(include_input=False, include_url=False)
    ]


def _pointer(location: Location, value: Any, *, missing: bool) -> str:
    """Return the pointer; of a missing key, its place in the object that lacks it."""
    key = location[-1:] if missing else ()
    path = location[: len(location) - len(key)]
    while (steps := _steps(path, 0, value, set())) is None:
        path = path[:-1]  # the last part names a branch
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in (*steps, *key))[:_POINTER_MAX]


def _steps(path: Location, index: int, value: Any, failed: set[tuple[int, int]]) -> Location | None:
    """Return the parts that are steps into the value, if its last one is. `failed` keeps the search short."""
    if index == len(path):
        return ()
    place = (index, id(value))
    if place in failed:
        return None
    part = path[index]
    if _holds(value, part) and (rest := _steps(path, index + 1, value[part], failed)) is not None:
        return (part, *rest)
    if index + 1 < len(path) and (rest := _steps(path, index + 1, value, failed)) is not None:
        return rest
    failed.add(place)
    return None


def _holds(value: Any, part: int | str) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _rule(error: ErrorDetails) -> str:
    """Return the rule's text. Three of pydantic's messages quote the input or are wordy: those are worded here."""
    match error["type"]:
        case "union_tag_invalid":
            return f"must be one of {error['ctx']['expected_tags']}"
        case "uuid_parsing":
            return "must be a UUID"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return error["msg"]
