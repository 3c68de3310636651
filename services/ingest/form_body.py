"""The body of a form: `application/x-www-form-urlencoded` in UTF-8 and nothing else.

Source: https://url.spec.whatwg.org/#application/x-www-form-urlencoded, its parser, which refuses nothing; here NUL
characters (PostgreSQL cannot hold them) and what is no UTF-8 are refused instead of replaced.
"""

from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from services.chassis.json_body import read_body
from services.chassis.problems import Problem
from services.ingest.settings import Ingest

URLENCODED: Final = "application/x-www-form-urlencoded"
_NAME_MAX_LENGTH: Final = 200


async def read_fields(request: web.Request, ingest: Ingest) -> dict[str, list[str]]:
    """Return the submitted values by field, each in their order. Raises Problem 400, 408, 413 or 415."""
    raw = await read_body(request, ingest.form_body, content_types=(URLENCODED,))
    return parsed(raw, fields_max=ingest.form_max_fields)


def parsed(raw: bytes, *, fields_max: int) -> dict[str, list[str]]:
    """Read an urlencoded body. Raises Problem 400 with the rule that it breaks."""
    if raw.count(b"&") >= fields_max:
        raise _malformed(f"it has more than {fields_max} fields")
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if not 0 < len(name) <= _NAME_MAX_LENGTH:
            raise _malformed(f"a field's name must have 1 to {_NAME_MAX_LENGTH} characters")
        if "\0" in name or "\0" in value:
            raise _malformed("it holds a NUL character")
        fields.setdefault(name, []).append(value)
    return fields


def _malformed(rule: str) -> Problem:
    return Problem(400, "malformed-form", "The body is not an acceptable form", rule)
