"""The one way in for JSON bodies: bounded before it is buffered, strict, and judged against a pydantic type.

A body that cannot be read is a 4xx `Problem`; one that is read and breaks rules is a 422 with a pointer per broken rule.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiohttp import hdrs, web
from pydantic import Field, PositiveFloat, PositiveInt, TypeAdapter, ValidationError

from services.chassis.field_errors import field_errors
from services.chassis.problems import FieldError, Problem
from services.chassis.settings import Concern
from services.chassis.strict_json import StrictJsonError, decode

T = TypeVar("T")

JSON: Final = ("application/json",)
_ERRORS_MAX: Final = 100


class BodyLimits(Concern):
    """Upper bounds of one body, to be nested in a service's own settings."""

    size_max_bytes: PositiveInt = 256 * 1024
    depth_max: int = Field(default=32, ge=1, le=500)
    read_timeout_s: PositiveFloat = 10.0


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A body that has passed as strict JSON: its bytes and its value."""

    raw: bytes
    value: Any

    def parse(self, kind: TypeAdapter[T]) -> T:
        """Return the body as the given type. Raises Problem 422 that lists what is wrong and where."""
        try:
            return kind.validate_json(self.raw)
        except ValidationError as exc:
            raise invalid(field_errors(exc, self.value)) from None


async def read_json(request: web.Request, limits: BodyLimits, *, content_types: Collection[str] = JSON) -> JsonBody:
    """Read the request's body. Raises Problem 400, 408, 413 or 415."""
    raw = await read_body(request, limits, content_types=content_types)
    try:
        return JsonBody(raw, decode(raw, depth_max=limits.depth_max))
    except StrictJsonError as exc:
        raise Problem(400, "malformed-json", "The body is not acceptable JSON", str(exc)) from None


async def read_body(request: web.Request, limits: BodyLimits, *, content_types: Collection[str]) -> bytes:
    """Read at most `size_max_bytes` of one of the content types. Raises Problem 408, 413 or 415."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        closing = {"Connection": "close"}  # what follows is not what the server's parser takes it for
        raise Problem(415, "content-encoding", "Compressed bodies are not accepted", headers=closing)
    if request.content_type not in content_types or (request.charset or "utf-8").lower() != "utf-8":
        raise Problem(
            415, "content-type", "Unsupported content type", f"accepted: {', '.join(content_types)}, in UTF-8"
        )
    if (request.content_length or 0) > limits.size_max_bytes:
        raise _too_large(limits)
    if request.content.is_eof():  # it came with the headers, as a small one does: nothing to wait for
        raw = request.content.read_nowait()
        if len(raw) > limits.size_max_bytes:
            raise _too_large(limits)
        return raw
    chunks, size = [], 0
    try:
        async with asyncio.timeout(limits.read_timeout_s):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > limits.size_max_bytes:
                    raise _too_large(limits)
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(408, "slow-body", "The body did not arrive in time", headers={"Connection": "close"}) from None
    return b"".join(chunks)


def _too_large(limits: BodyLimits) -> Problem:
    detail = f"at most {limits.size_max_bytes} bytes"
    return Problem(413, "too-large", "The body is too large", detail, headers={"Connection": "close"})


def invalid(errors: list[FieldError]) -> Problem:
    """Answer 422: the body was read, and breaks these rules."""
    return Problem(422, "invalid", "The body breaks rules", errors=errors[:_ERRORS_MAX])
