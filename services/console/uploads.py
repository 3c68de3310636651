"""Bodies that are streamed: bounded in size, and in how long nothing of them may come."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import hdrs, web

from services.chassis.problems import Problem
from services.console.route import Upload
from services.console.settings import Uploads

_TYPE: Final = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,100}(; ?charset=[A-Za-z0-9_.-]{1,40})?"
).fullmatch
_CLOSING: Final = {"Connection": "close"}


def upload(request: web.Request, limits: Uploads) -> Upload:
    """Return a request's body. Raises Problem 413 or 415; reading it raises Problem 408 or 413."""
    content_type = request.headers.get(hdrs.CONTENT_TYPE, "application/octet-stream").strip()
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise Problem(415, "content-encoding", "Compressed bodies are not accepted", headers=_CLOSING)
    if not _TYPE(content_type) or content_type.lower().startswith("multipart/"):
        raise Problem(
            415, "content-type", "Unsupported content type", "the file's own, say application/pdf", headers=_CLOSING
        )
    if (request.content_length or 0) > limits.size_max_bytes:
        raise _too_large(limits)
    return Upload(content_type, _chunks(request, limits))


async def _chunks(request: web.Request, limits: Uploads) -> AsyncIterator[bytes]:
    size = 0
    while True:
        try:
            async with asyncio.timeout(limits.stall_timeout_s):
                chunk = await request.content.readany()
        except TimeoutError:
            raise Problem(408, "slow-body", "The body did not arrive in time", headers=_CLOSING) from None
        if not chunk:
            return
        size += len(chunk)
        if size > limits.size_max_bytes:
            raise _too_large(limits)
        yield chunk


def _too_large(limits: Uploads) -> Problem:
    return Problem(
        413, "too-large", "The body is too large", f"at most {limits.size_max_bytes} bytes", headers=_CLOSING
    )
