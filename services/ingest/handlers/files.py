"""`GET /f/{token}`: a hosted file, streamed; a download from its first byte is an interaction, what continues one is none.

The file is served whatever the state of broker and database. What is sent is told to be a download and never shown in a page
of ours: a file may be HTML. A file that was replaced has the same address and another ETag, so that a download that goes on
is not put together of two.

Source: RFC 9110 §14 (ranges), RFC 6266 (names).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from aiohttp import hdrs, web

from core.tokens import Token, TokenError, TokenKey, verified
from services.blobs.store import Blobs, NoBlobError
from services.chassis.client_address import Network, client_address
from services.chassis.clock import Clock
from services.chassis.errors import RetryableError
from services.ingest import metrics
from services.ingest.browsers import DURABLE, PAGE_HEADERS
from services.ingest.handlers.serving import page, seen
from services.ingest.ranges import NoSuchPartError, Part, part_of
from services.ingest.served_assets import ServedAsset, ServedAssets
from services.ingest.settings import Files as Limits
from services.ingest.stamping import Stamp
from services.ingest.write_behind import WriteBehind

SOURCE: Final = "finish/files"
_KIND: Final = "hosted_file"
_TYPE: Final = "hosted_file.downloaded"
_UNKNOWN: Final = "There is no such file."
_PAGES: Final = {
    404: _UNKNOWN,
    405: "This file can only be downloaded.",
    410: "This file is gone.",
    416: "There is no such part of this file.",
    429: "Too many downloads at a time. Try again when one has ended.",
    503: "This file cannot be downloaded now. Try again in a moment.",
}


class _Refusal(Exception):
    """Nothing is sent. `outcome` is what it counts as."""

    def __init__(self, outcome: str, status: int, **headers: str) -> None:
        super().__init__(outcome)
        self.outcome, self.status, self.headers = outcome, status, headers


class Files:
    """The endpoint. Every request is counted by what came of it."""

    def __init__(
        self,
        keys: Sequence[TokenKey],
        assets: ServedAssets,
        blobs: Blobs,
        behind: WriteBehind,
        clock: Clock,
        proxies: Sequence[Network],
        limits: Limits,
    ) -> None:
        self._keys, self._assets, self._blobs, self._behind = keys, assets, blobs, behind
        self._clock, self._proxies, self._limits = clock, proxies, limits
        self._under_way: Counter[str] = Counter()
        metrics.FILES_UNDER_WAY.set_function(self._under_way.total)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Send the file or a part of it, or say why not."""
        try:
            with self._turn(request):
                return await self._answer(request)
        except _Refusal as refusal:
            metrics.FILE_REQUESTS.labels(refusal.outcome).inc()
            return page(refusal.status, _PAGES[refusal.status], refusal.headers)

    @contextmanager
    def _turn(self, request: web.Request) -> Iterator[None]:
        """Count a request that may last, of one address and of all."""
        address = client_address(request.remote, request.headers.getall(hdrs.X_FORWARDED_FOR, ()), self._proxies) or ""
        if self._under_way[address] >= self._limits.per_address_max:
            raise _Refusal("busy", 429, **{hdrs.RETRY_AFTER: "5"})
        if self._under_way.total() >= self._limits.under_way_max:
            raise _Refusal("full", 503, **{hdrs.RETRY_AFTER: "5"})
        self._under_way[address] += 1
        try:
            yield
        finally:
            self._under_way[address] -= 1
            if not self._under_way[address]:
                del self._under_way[address]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        token, asset = await self._named(request)
        file = asset.settings["file"]
        size, etag = file["size"], f'"{file["version"]}-{file["sha256"][:32]}"'
        if request.method == "HEAD":
            metrics.FILE_REQUESTS.labels("head").inc()
            return web.Response(headers={**_headers(file, etag), hdrs.CONTENT_LENGTH: str(size)})
        try:
            part = part_of(size, request.headers.get(hdrs.RANGE), request.headers.get(hdrs.IF_RANGE), etag)
        except NoSuchPartError:
            raise _Refusal("range", 416, **{hdrs.CONTENT_RANGE: f"bytes */{size}"}) from None
        sent = part or Part(0, size)
        try:
            async with self._blobs.opened(file["blob"], sent.start, sent.length) as chunks:
                headers = _headers(file, etag)
                outcome = "continued"
                if sent.start == 0:
                    outcome, noted = await self._note(request, token, asset)
                    headers |= noted
                metrics.FILE_REQUESTS.labels(outcome).inc()
                return await self._sent(request, chunks, _begun(headers, part, sent, size))
        except NoBlobError:
            raise _Refusal("missing", 404) from None

    async def _named(self, request: web.Request) -> tuple[Token, ServedAsset]:
        """Return what the address names."""
        if request.method not in {"GET", "HEAD"}:
            raise _Refusal("method", 405, Allow="GET, HEAD")
        try:
            token = verified(request.match_info["token"], "file", self._keys)
            asset = await self._assets.find(token.asset_id)
        except TokenError:
            raise _Refusal("unknown", 404) from None
        except RetryableError:
            raise _Refusal("unavailable", 503, **{hdrs.RETRY_AFTER: "1"}) from None
        if asset is None or asset.kind != _KIND:
            raise _Refusal("unknown", 404)
        if asset.status == "deleted":
            raise _Refusal("deleted", 410)
        if "file" not in asset.settings:
            raise _Refusal("unknown", 404)
        return token, asset

    async def _note(self, request: web.Request, token: Token, asset: ServedAsset) -> tuple[str, dict[str, str]]:
        """Accept the interaction; return how that went, and the headers that tell of it."""
        data = seen(request, self._proxies, file_version=asset.settings["file"]["version"])
        stamp = Stamp(asset.versions, self._clock.now())
        interaction = stamp.seen(SOURCE, _TYPE, token.asset_id, token.prospect_id, data)
        written = await self._behind.accept(interaction)
        return written, {DURABLE: interaction.document["uid"]} if written == "durable" else {}

    async def _sent(
        self, request: web.Request, chunks: AsyncIterator[bytes], response: web.StreamResponse
    ) -> web.StreamResponse:
        """Send the body; whoever takes nothing of it for long is cut off, and may go on where it was."""
        await response.prepare(request)
        try:
            async for chunk in chunks:
                async with asyncio.timeout(self._limits.stall_timeout_s):
                    await response.write(chunk)
                metrics.FILE_BYTES.inc(len(chunk))
            await response.write_eof()
        except (TimeoutError, RetryableError, OSError):
            metrics.FILES_CUT_OFF.inc()
            if request.transport is not None:
                request.transport.abort()
        return response


def _begun(headers: dict[str, str], part: Part | None, sent: Part, size: int) -> web.StreamResponse:
    headers[hdrs.CONTENT_LENGTH] = str(sent.length)
    if part is not None:
        headers[hdrs.CONTENT_RANGE] = f"bytes {sent.start}-{sent.start + sent.length - 1}/{size}"
    return web.StreamResponse(status=200 if part is None else 206, headers=headers)


def _headers(file: dict[str, Any], etag: str) -> dict[str, str]:
    return {
        **PAGE_HEADERS,
        hdrs.CONTENT_TYPE: file["content_type"],
        hdrs.CONTENT_DISPOSITION: disposition(file["name"]),
        hdrs.ACCEPT_RANGES: "bytes",
        hdrs.ETAG: etag,
    }


def disposition(name: str) -> str:
    """Return the header that makes a download of that name: in ASCII, and as it is for those that read RFC 8187."""
    plain = "".join(each if each.isascii() and each.isprintable() and each not in '"\\%' else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
