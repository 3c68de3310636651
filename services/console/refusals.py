"""The problems that several handlers answer with."""

from collections.abc import Mapping
from uuid import UUID

from services.chassis.json_body import invalid
from services.chassis.problems import FieldError, Problem


def not_found(what: str) -> Problem:
    """Answer 404: there is no such thing."""
    return Problem(404, "not-found", f"There is no such {what}")


def prospect_id(path: Mapping[str, str]) -> UUID:
    """Return the id in the path. Raises Problem 404 when it is no UUID: there is no such prospect."""
    try:
        return UUID(path["id"])
    except ValueError:
        raise not_found("prospect") from None


def taken(pointer: str, detail: str) -> Problem:
    """Answer 409: another one has this value already."""
    return Problem(409, "taken", "This is taken already", errors=[FieldError(pointer, detail)])


def require_version(if_match: int | None, version: int) -> None:
    """Raise Problem 412 when the client edits another version than it has seen."""
    if if_match is not None and if_match != version:
        raise Problem(412, "version-mismatch", "This was changed by somebody else", f"the version now is {version}")


def refuse(errors: list[FieldError]) -> None:
    """Raise Problem 422 when there are any errors."""
    if errors:
        raise invalid(errors)
