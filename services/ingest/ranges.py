"""`Range` and `If-Range` of a request, for a file of which one part at a time is sent.

Source: RFC 9110 §14.1.2, §14.2 (what is no range of bytes is ignored; many ranges may be refused) and §13.1.5.
"""

import re
from typing import Final, NamedTuple

_RANGE: Final = re.compile(
    r"bytes[ \t]*=[ \t]*(\d{0,18})[ \t]*-[ \t]*(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE
).fullmatch
_UNIT: Final = re.compile(r"[ \t]*bytes[ \t]*=", re.ASCII | re.IGNORECASE).match


class Part(NamedTuple):
    """Bytes from `start` on, so many."""

    start: int
    length: int


class NoSuchPartError(ValueError):
    """No single part of the file: 416."""


def part_of(size: int, wanted: str | None, if_range: str | None, etag: str) -> Part | None:
    """Return the part that is wanted of a file of that size, None for the whole. Raises NoSuchPartError."""
    if wanted is None or not _UNIT(wanted) or (if_range is not None and if_range.strip() != etag):
        return None
    match = _RANGE(wanted.strip(" \t"))
    if match is None or match[1] == match[2] == "":
        raise NoSuchPartError
    if match[1] == "":
        length = min(int(match[2]), size)
        part = Part(size - length, length)
    else:
        start = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < start:
            raise NoSuchPartError
        part = Part(start, last - start + 1)
    if part.length <= 0 or part.start >= size:
        raise NoSuchPartError
    return part
