"""Pages of long answers: a limit, and an opaque cursor that names the last item of the page before."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.chassis.problems import FieldError, Problem

T = TypeVar("T")

LIMIT_MAX: Final = 200
_CURSOR_MAX: Final = 400
_BIGINT: Final = 2**63


class PageQuery(BaseModel):
    """`?limit=&cursor=`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 50
    cursor: Annotated[str, Field(min_length=1, max_length=_CURSOR_MAX)] | None = None


class Page(BaseModel, Generic[T]):
    """`next` is the cursor of the page behind this one; null: this is the last."""

    items: list[T]
    next: str | None


def cut(rows: Sequence[T], limit: int) -> tuple[Sequence[T], bool]:
    """Return the page of `limit + 1` rows that were asked for, and whether there is a page behind it."""
    return rows[:limit], len(rows) > limit


def encode_cursor(*position: str | int) -> str:
    """Write where the next page begins."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type[Any]) -> list[Any]:
    """Read a cursor that `encode_cursor` wrote with values of these types. Raises Problem 400 for any other text."""
    try:
        position = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise bad_cursor() from None
    if (
        not isinstance(position, list)
        or [type(part) for part in position] != list(kinds)
        or not all(map(_storable, position))
    ):
        raise bad_cursor()
    return position


def _storable(part: str | int) -> bool:
    return "\0" not in part if isinstance(part, str) else abs(part) < _BIGINT


def bad_cursor() -> Problem:
    """Answer 400: the cursor did not come from an answer of this call."""
    error = FieldError("/cursor", "is not a cursor of this call")
    return Problem(400, "bad-query", "The query is not acceptable", errors=[error])
