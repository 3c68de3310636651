"""The two kinds of model: `Contract` is read from a log and keeps what it does not know out of the way, `Input` comes
from a client and refuses it."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

SCHEMA_VERSION: Literal[1] = 1


class Contract(BaseModel):
    """A record of a topic. A newer writer may have added fields: they are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Input(BaseModel):
    """What a client sends. Unknown keys and wrong types are errors that name the field."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
JsonPointer = Annotated[str, StringConstraints(max_length=200, pattern=r"^(/([^/~]|~[01])*)*$")]
"""Where something stands in a JSON document (RFC 6901); the empty one is all of it."""
_DURATION = re.compile(
    r"(-?)P(?=.)(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?"
)
_UNITS_S = (604_800, 86_400, 3_600, 60, 1)


def duration_s(text: str) -> int:
    """Return the seconds of an ISO 8601 duration of weeks to seconds; months and years have no fixed length.

    Raises ValueError on any other text.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("is not an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as P7D or PT30M")
    sign, *counts = match.groups(default="0")
    seconds = sum(int(count) * unit for count, unit in zip(counts, _UNITS_S, strict=True))
    return -seconds if sign == "-" else seconds


def _duration(text: str) -> str:
    duration_s(text)
    return text


Duration = Annotated[str, StringConstraints(max_length=40), AfterValidator(_duration)]
