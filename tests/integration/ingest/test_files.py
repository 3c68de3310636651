"""`GET /f/{token}`: the bytes and parts of them, what is an interaction, what is refused, and who is too slow."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from yarl import URL

from core.records import Interaction, decode
from schemas.interactions import EventData
from tests.integration.ingest.conftest import PROSPECT, Door, asset, opened, token
from tests.support.eventually import eventually

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
HTML = {"name": 'Märchen "1".html', "content_type": "text/html; charset=utf-8"}


@dataclass
class Got:
    status: int
    body: bytes
    headers: Mapping[str, str]


def hosted(asset_id: str, content: bytes, blob: str, version: int = 1, status: str = "active") -> dict[str, Any]:
    file = {
        "blob": blob,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "version": version,
        **HTML,
    }
    return {**asset(asset_id, "hosted_file", status), "settings": {"file": file}}


@dataclass
class Files:
    door: Door
    folder: Path

    async def keep(self, asset_id: str, content: bytes, version: int = 1, status: str = "active") -> None:
        """Keep a file and tell of it."""
        blob = f"{abs(hash((asset_id, version))):032x}"
        (self.folder / blob).write_bytes(content)
        await self.door.define(hosted(asset_id, content, blob, version, status))

    async def get(self, text: str | None = None, method: str = "GET", **headers: str) -> Got:
        url = URL(f"{self.door.url}/f/{text or token('file', kind='file')}", encoded=True)
        async with self.door.session.request(method, url, headers=headers) as answer:
            return Got(answer.status, await answer.read(), answer.headers)


@pytest.fixture
async def files(door: Door, tmp_path: Path) -> AsyncIterator[Files]:
    folder = tmp_path / "blobs"
    folder.mkdir()
    await door.process.stop()
    async with opened(door.settings, door.database_url, tmp_path, FA_BLOBS__FOLDER=str(folder)) as again:
        made = Files(again, folder)
        await made.keep("file", CONTENT)
        yield made


async def test_a_download_is_the_interaction_that_its_answer_names(files: Files) -> None:
    got = await files.get(**{"User-Agent": "Mozilla/5.0 (Test)"})
    assert (got.status, got.body) == (200, CONTENT)
    assert {name: got.headers[name] for name in SAFE} == SAFE
    assert got.headers["Content-Type"] == "text/html; charset=utf-8"
    assert got.headers["Accept-Ranges"] == "bytes"
    disposition = "attachment; filename=\"M_rchen _1_.html\"; filename*=UTF-8''M%C3%A4rchen%20%221%22.html"
    assert got.headers["Content-Disposition"] == disposition
    ((key, document),) = await files.door.logged()
    assert (key, document["uid"]) == (PROSPECT, got.headers["finish-interaction"])
    assert (document["type"], document["subject"]) == ("hosted_file.downloaded", "file")
    assert document["data"] == {
        "ip": "127.0.0.1",
        "user_agent": "Mozilla/5.0 (Test)",
        "file_version": 1,
        "bot": "unknown",
    }
    EventData.model_validate(document["data"])
    assert isinstance(decode(orjson.dumps(document)), Interaction)


async def test_a_download_that_goes_on_is_one_interaction(files: Files) -> None:
    first = await files.get(Range="bytes=0-999999")
    etag = first.headers["ETag"]
    rest = await files.get(Range="bytes=1000000-", **{"If-Range": etag})
    assert (first.status, rest.status) == (206, 206)
    assert first.body + rest.body == CONTENT
    assert first.headers["Content-Range"] == f"bytes 0-999999/{len(CONTENT)}"
    assert rest.headers["Content-Range"] == f"bytes 1000000-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert "finish-interaction" not in rest.headers
    last = await files.get(Range="bytes=-5")
    assert (last.status, last.body) == (206, CONTENT[-5:])
    assert len(await files.door.logged()) == 1


async def test_head_tells_and_is_no_interaction(files: Files) -> None:
    got = await files.get(method="HEAD", Range="bytes=0-5")
    assert (got.status, got.headers["Content-Length"], got.body) == (200, str(len(CONTENT)), b"")
    assert (got.headers["ETag"], got.headers["Accept-Ranges"]) == ((await files.get()).headers["ETag"], "bytes")
    assert len(await files.door.logged()) == 1


async def test_a_replaced_file_is_not_put_together_with_the_one_before(files: Files) -> None:
    before = await files.get(Range="bytes=0-9")
    await files.keep("file", b"another", version=2)

    async def replaced() -> bool:
        return (await files.get(method="HEAD")).headers["Content-Length"] == "7"

    await eventually(replaced, 10)
    whole = await files.get(Range="bytes=10-", **{"If-Range": before.headers["ETag"]})
    assert (whole.status, whole.body) == (200, b"another")
    versions = [document["data"]["file_version"] for _, document in await files.door.logged()]
    assert versions == [1, 2]


async def test_what_is_no_file_is_not_found_and_nothing_of_the_address_is_a_path(files: Files) -> None:
    good = token("file", kind="file")
    await files.keep("old", b"old", status="archived")
    await files.keep("gone", b"gone", status="deleted")
    await files.door.define(
        asset("empty", "hosted_file"), hosted("missing", b"x", "f" * 32), hosted("evil", b"x", "../blobs")
    )
    for text, status in {
        good[:-1]: 404,
        token("file"): 404,  # a link's
        "../../etc/passwd": 404,
        "%2e%2e%2fetc%2fpasswd": 404,
        "": 404,
        token("link", kind="file"): 404,
        token("empty", kind="file"): 404,
        token("missing", kind="file"): 404,
        token("evil", kind="file"): 404,
        token("nothing", kind="file"): 404,
        token("gone", kind="file"): 410,
        token("old", kind="file"): 200,
    }.items():
        got = await files.get(text or "%20")
        assert got.status == status, text
        assert {name: got.headers[name] for name in SAFE} == SAFE
    assert (await files.get(method="POST")).status == 405
    assert [document["subject"] for _, document in await files.door.logged()] == ["old"]


@pytest.mark.parametrize("wanted", ["bytes=" + ",".join(f"{n}-{n}" for n in range(1000)), "bytes=9999999-", "bytes=a-"])
async def test_what_is_no_single_part_is_416_and_no_interaction(files: Files, wanted: str) -> None:
    got = await files.get(Range=wanted)
    assert (got.status, got.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")
    assert await files.door.logged() == []


async def test_who_takes_nothing_is_cut_off_and_one_address_has_so_many_downloads(door: Door, tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    folder.mkdir()
    await door.process.stop()
    async with opened(
        door.settings,
        door.database_url,
        tmp_path,
        FA_BLOBS__FOLDER=str(folder),
        FA_INGEST__FILES__STALL_TIMEOUT_S="1.5",
        FA_INGEST__FILES__PER_ADDRESS_MAX="2",
    ) as again:
        files = Files(again, folder)
        await files.keep("file", CONTENT * 40)
        port = urlsplit(again.url).port
        slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(2)]
        for one in slow:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(f"GET /f/{token('file', kind='file')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await asyncio.sleep(0.5)
        busy = await files.get()
        assert (busy.status, busy.headers["Retry-After"]) == (429, "5")

        async def served() -> bool:
            return (await files.get(method="HEAD")).status == 200

        await eventually(served, 10)
        for one in slow:
            one.close()
        assert (await files.get(Range="bytes=0-3")).body == CONTENT[:4]
