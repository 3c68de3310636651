"""The store that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.blobs.local import LocalBlobs
from services.blobs.settings import Blobs as Settings
from services.blobs.store import Blobs


@asynccontextmanager
async def blobs(settings: Settings) -> AsyncIterator[Blobs]:
    """Open it."""
    if settings.bucket is None:
        yield LocalBlobs(settings.folder)
        return
    from services.blobs.s3 import s3_blobs  # noqa: PLC0415 - the client's code takes 0.4 s and 50 MB, and most do without

    async with s3_blobs(settings) as store:
        yield store
