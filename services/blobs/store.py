"""Blobs by name. Names are made here, never taken from what somebody sent, and a name's bytes never change."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol
from uuid import uuid4

CHUNK_BYTES: Final = 256 * 1024
_NAME: Final = re.compile(r"[0-9a-f]{32}").fullmatch


class NoBlobError(LookupError):
    """There is none of that name."""


class Blobs(Protocol):
    """A store. All of it raises RetryableError while the store cannot be reached."""

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep a blob: return when it is durable. What breaks off leaves nothing under that name."""
        ...

    def opened(self, name: str, start: int, length: int) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a part of a blob, to be read once. Raises NoBlobError at entry."""
        ...

    async def delete(self, name: str) -> None:
        """Delete a blob; one that is not there is deleted already."""
        ...


def new_name() -> str:
    """Return the name of a new blob."""
    return uuid4().hex


def checked(name: str) -> str:
    """Return a name that `new_name` may have made. Raises NoBlobError for any other: there is no such blob."""
    if not _NAME(name):
        raise NoBlobError
    return name
