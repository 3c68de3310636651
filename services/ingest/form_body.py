"""The body of a form: `application/x-www-form-urlencoded`, or `multipart/form-data` without files, in UTF-8.

Source: https://url.spec.whatwg.org/#application/x-www-form-urlencoded, its parser, which refuses nothing; here NUL
characters (PostgreSQL cannot hold them) and what is no UTF-8 are refused instead of replaced. RFC 7578 for the other.
"""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, MultipartReader, hdrs, http_exceptions, web

from services.chassis.json_body import read_body
from services.chassis.problems import Problem
from services.ingest.settings import Ingest

URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
_CLOSING: Final = {"Connection": "close"}
_NAME_MAX_LENGTH: Final = 200


async def read_fields(request: web.Request, ingest: Ingest) -> dict[str, list[str]]:
    """Return the submitted values by field, each in their order. Raises Problem 400, 408, 411, 413 or 415."""
    if request.content_type == MULTIPART:
        return await _multipart(request, ingest)
    raw = await read_body(request, ingest.form_body, content_types=(URLENCODED, MULTIPART))
    return parsed(raw, fields_max=ingest.form_max_fields)


def parsed(raw: bytes, *, fields_max: int) -> dict[str, list[str]]:
    """Read an urlencoded body. Raises Problem 400 with the rule that it breaks."""
    if raw.count(b"&") >= fields_max:
        raise _malformed(f"it has more than {fields_max} fields")
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    return _collected(pairs, fields_max)


async def _multipart(request: web.Request, ingest: Ingest) -> dict[str, list[str]]:
    """Read the parts. What is no body of known length, as browsers send it, could go on for ever."""
    limits = ingest.form_body
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise Problem(415, "content-encoding", "Compressed bodies are not accepted", headers=_CLOSING)
    if request.content_length is None:
        raise Problem(411, "length-required", "The body's length is missing", headers=_CLOSING)
    if request.content_length > limits.size_max_bytes:
        detail = f"at most {limits.size_max_bytes} bytes"
        raise Problem(413, "too-large", "The body is too large", detail, headers=_CLOSING)
    pairs: list[tuple[str, str]] = []
    try:
        async with asyncio.timeout(limits.read_timeout_s):
            async for part in await request.multipart():
                if len(pairs) >= ingest.form_max_fields:
                    raise _malformed(f"it has more than {ingest.form_max_fields} fields")
                if (pair := await _field(part)) is not None:
                    pairs.append(pair)
    except TimeoutError:
        raise Problem(408, "slow-body", "The body did not arrive in time", headers=_CLOSING) from None
    except (ValueError, AssertionError, RuntimeError, http_exceptions.HttpProcessingError):  # whatever its reader meets
        raise _malformed("it is no multipart/form-data") from None
    return _collected(pairs, ingest.form_max_fields)


async def _field(part: MultipartReader | BodyPartReader | None) -> tuple[str, str] | None:
    """Return a part's name and text, None for a field of files that is empty. Raises Problem 415 for a file."""
    if not isinstance(part, BodyPartReader) or hdrs.CONTENT_TRANSFER_ENCODING in part.headers:
        raise ValueError
    raw = await part.read()
    if part.filename is not None:
        if part.filename or raw:
            raise Problem(415, "file", "Files are not accepted", headers=_CLOSING)
        return None
    if not part.name:
        raise ValueError
    try:
        return part.name.encode("utf-8", "surrogateescape").decode(), raw.decode()
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None


def _collected(pairs: Sequence[tuple[str, str]], fields_max: int) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    if len(pairs) > fields_max:
        raise _malformed(f"it has more than {fields_max} fields")
    for name, value in pairs:
        if not 0 < len(name) <= _NAME_MAX_LENGTH:
            raise _malformed(f"a field's name must have 1 to {_NAME_MAX_LENGTH} characters")
        if "\0" in name or "\0" in value:
            raise _malformed("it holds a NUL character")
        fields.setdefault(name, []).append(value)
    return fields


def _malformed(rule: str) -> Problem:
    return Problem(400, "malformed-form", "The body is not an acceptable form", rule)
