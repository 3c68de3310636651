"""Blobs as objects of a bucket of S3's, through aioboto3.

A blob is uploaded in parts, of which the bucket shows nothing before the last step; parts that nobody completes cost until a
rule of the bucket's life cycle removes them (`AbortIncompleteMultipartUpload`), should the abortion here fail.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html: parts but the last have at least 5 MiB.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from services.blobs.settings import Blobs
from services.blobs.store import CHUNK_BYTES, NoBlobError, checked
from services.chassis.errors import RetryableError

_PART_BYTES: Final = 8 * 1024 * 1024
_ABSENT: Final = frozenset({"NoSuchKey", "404"})


class S3Blobs:
    """See `store.Blobs`."""

    def __init__(self, client: Any, settings: Blobs) -> None:
        self._client, self._settings = client, settings

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": str(self._settings.bucket), "Key": self._settings.prefix + checked(name)}

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep a blob."""
        at = self._at(name)
        with _translated():
            upload = at | {"UploadId": (await self._client.create_multipart_upload(**at))["UploadId"]}
        try:
            parts: list[dict[str, Any]] = []
            async for body in _gathered(chunks):
                number = len(parts) + 1
                with _translated():
                    answer = await self._client.upload_part(**upload, PartNumber=number, Body=body)
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            with _translated():
                await self._client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(ClientError, BotoCoreError, HTTPClientError):
                await self._client.abort_multipart_upload(**upload)
            raise

    @asynccontextmanager
    async def opened(self, name: str, start: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a part of a blob."""
        wanted = {"Range": f"bytes={start}-{start + length - 1}"} if length else {}
        with _translated():
            answer = await self._client.get_object(**self._at(name), **wanted)
        async with answer["Body"] as body:
            yield _chunks(body, length)

    async def delete(self, name: str) -> None:
        """Delete a blob."""
        with _translated():
            await self._client.delete_object(**self._at(name))


async def _gathered(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield parts of the size that the store takes; one at least, though it be empty."""
    part, any_yet = bytearray(), False
    async for chunk in chunks:
        part += chunk
        if len(part) >= _PART_BYTES:
            yield bytes(part)
            part.clear()
            any_yet = True
    if part or not any_yet:
        yield bytes(part)


async def _chunks(body: Any, length: int) -> AsyncIterator[bytes]:
    while length > 0:
        with _translated():
            chunk = await body.content.read(min(length, CHUNK_BYTES))
        if not chunk:
            raise RetryableError("an object is shorter than it was")
        length -= len(chunk)
        yield chunk


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as exc:
        if exc.response.get("Error", {}).get("Code") in _ABSENT:
            raise NoBlobError from None
        raise RetryableError("the store of files refuses") from exc
    except (BotoCoreError, HTTPClientError, OSError) as exc:
        raise RetryableError(f"the store of files cannot be reached: {type(exc).__name__}") from exc


@asynccontextmanager
async def s3_blobs(settings: Blobs) -> AsyncIterator[S3Blobs]:
    """Open a client of the bucket."""
    config = AioConfig(
        connect_timeout=settings.timeout_s, read_timeout=settings.timeout_s, retries={"total_max_attempts": 2}
    )
    session = aioboto3.Session()
    async with session.client(
        "s3", region_name=settings.region, endpoint_url=settings.endpoint_url, config=config
    ) as client:
        yield S3Blobs(client, settings)
