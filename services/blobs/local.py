"""Blobs as files of one folder, which several processes and machines may share."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from services.blobs.store import CHUNK_BYTES, NoBlobError, checked
from services.chassis.errors import RetryableError

P = ParamSpec("P")
R = TypeVar("R")


class LocalBlobs:
    """See `store.Blobs`. A file has its name once all of it is on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep a blob."""
        path = self._folder / checked(name)
        unfinished = path.with_suffix(".part")
        file = await _done(self._create, unfinished)
        try:
            async for chunk in chunks:
                await _done(file.write, chunk)
            await _done(_finish, file, unfinished, path)
        finally:
            file.close()
            unfinished.unlink(missing_ok=True)

    def _create(self, path: Path) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        return path.open("xb")

    @asynccontextmanager
    async def opened(self, name: str, start: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a part of a blob."""
        path = self._folder / checked(name)
        file = await _done(_opened, path, start)
        with file:
            yield _chunks(file, length)

    async def delete(self, name: str) -> None:
        """Delete a blob."""
        await _done((self._folder / checked(name)).unlink, missing_ok=True)


def _opened(path: Path, start: int) -> BinaryIO:
    file = path.open("rb")
    with suppress(OSError):
        os.posix_fadvise(file.fileno(), start, 0, os.POSIX_FADV_SEQUENTIAL)
    file.seek(start)
    return file


async def _chunks(file: BinaryIO, length: int) -> AsyncIterator[bytes]:
    while length > 0:
        chunk = await _done(file.read, min(length, CHUNK_BYTES))
        if not chunk:
            raise RetryableError("a file is shorter than it was")
        length -= len(chunk)
        yield chunk


def _finish(file: BinaryIO, unfinished: Path, path: Path) -> None:
    """Give a complete file its name: bytes, then name, then the folder's entry are on the disk."""
    file.flush()
    os.fsync(file.fileno())
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def _done(step: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
    """Do what may wait for the disk in a thread, and tell what is wrong there in our words."""
    try:
        return await asyncio.to_thread(step, *given, **named)
    except FileNotFoundError:
        raise NoBlobError from None
    except OSError as exc:
        raise RetryableError(f"the folder of files fails: {type(exc).__name__}") from None
