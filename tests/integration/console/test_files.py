"""Uploads of hosted files: what is kept, told and refused, and that a replaced one keeps its address."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from core.tokens import read_keys, verified
from services.blobs.local import LocalBlobs
from services.console.settings import Console, Uploads
from tests.integration.console.conftest import Running, serving
from tests.support.workspace import Refusal

KEYS = read_keys(f"k1:{'o' * 32}")


@pytest.fixture
def settings(settings: Console) -> Console:
    return settings.model_copy(update={"files": Uploads(size_max_bytes=1_000_000, stall_timeout_s=0.5)})


@pytest.fixture
async def unpublished(database_url: str, settings: Console, tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(database_url, settings, KEYS, files=LocalBlobs(tmp_path / "blobs")) as running:
        yield running


async def _upload(
    console: Running, asset: str, body: Any, name: str = "a.pdf", **headers: str
) -> tuple[int, dict[str, Any]]:
    async with console.work.session.put(
        f"{console.url}/api/assets/{asset}/file",
        params={"filename": name},
        data=body,
        headers={**console.work.headers, "Content-Type": "application/pdf", **headers},
    ) as answer:
        return answer.status, orjson.loads(await answer.read())


async def _asset(console: Running, kind: str = "hosted_file") -> str:
    more = {"target_url": "https://shop.example/"} if kind == "redirect_link" else {}
    return str((await console.work.api("POST", "/assets", {"kind": kind, "name": "Brochure", **more}))["id"])


def _kept(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in (folder / "blobs").iterdir())


async def test_a_file_is_kept_and_told_and_one_that_replaces_it_is_its_next_version(
    console: Running, tmp_path: Path
) -> None:
    asset = await _asset(console)
    assert (await console.work.api("GET", f"/assets/{asset}"))["file"] is None
    for number in range(1, 5):
        body = f"file {number}".encode()
        status, shown = await _upload(console, asset, body, f"Übersicht {number}.pdf")
        assert status == 200
        file = shown["file"]
        assert (file["version"], file["size"], file["sha256"]) == (number, 6, hashlib.sha256(body).hexdigest())
        assert (file["name"], file["content_type"]) == (f"Übersicht {number}.pdf", "application/pdf")
        assert "blob" not in file
        assert await console.work.api("GET", f"/assets/{asset}") == shown
    assert _kept(tmp_path) == [b"file 3", b"file 4"]

    await console.work.api("PATCH", f"/assets/{asset}", {"name": "Renamed"})
    assert (await console.work.api("GET", f"/assets/{asset}"))["file"]["version"] == 4


async def test_a_link_downloads_the_file(console: Running) -> None:
    asset, prospect = await _asset(console), await console.work.prospect()
    for wanted in ({}, {"trigger": "downloaded"}):
        body = {"asset_id": asset, "prospect_id": prospect, **wanted}
        url = (await console.work.api("POST", "/links", body))["url"]
        token = verified(url.partition("/f/")[2], "file", KEYS)
        assert (token.asset_id, token.prospect_id) == (asset, prospect)
    with pytest.raises(Refusal) as refused:
        await console.work.api("POST", "/links", {"asset_id": asset, "prospect_id": prospect, "trigger": "clicked"})
    assert [error["pointer"] for error in refused.value.body["errors"]] == ["/trigger"]


@pytest.mark.parametrize(
    ("name", "headers", "status"),
    [
        ("a/b.pdf", {}, 400),
        ("..\\b.pdf", {}, 400),
        ("a\r\nSet-Cookie: x", {}, 400),
        ("gpj.\u202efdp", {}, 400),
        ("", {}, 400),
        ("x" * 201, {}, 400),
        ("a.pdf", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ("a.pdf", {"Content-Type": "text"}, 415),
        ("a.pdf", {"Content-Encoding": "gzip"}, 415),
    ],
)
async def test_what_is_no_plain_file_is_refused(
    console: Running, tmp_path: Path, name: str, headers: dict[str, str], status: int
) -> None:
    asset = await _asset(console)
    assert (await _upload(console, asset, b"x", name, **headers))[0] == status
    assert not (tmp_path / "blobs").exists()
    assert (await console.work.api("GET", f"/assets/{asset}"))["file"] is None


async def test_what_is_too_large_or_stops_coming_leaves_nothing(console: Running, tmp_path: Path) -> None:
    asset = await _asset(console)

    async def much() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100_000

    async def stopping() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(3)

    assert (await _upload(console, asset, b"x" * 1_000_001))[0] == 413
    for body, status in ((much(), 413), (stopping(), 408)):
        with suppress(aiohttp.ClientError):  # the answer may come while the body is still being sent
            assert (await _upload(console, asset, body))[0] == status
    assert not (tmp_path / "blobs").exists() or _kept(tmp_path) == []


async def test_only_a_hosted_file_has_one(console: Running, tmp_path: Path) -> None:
    assert (await _upload(console, await _asset(console, "redirect_link"), b"x"))[0] == 409
    assert (await _upload(console, "nothing", b"x"))[0] == 404
    assert not (tmp_path / "blobs").exists()
    asset = await _asset(console)
    await console.rows("UPDATE assets SET status = 'deleted' WHERE id = $1", asset)
    assert (await _upload(console, asset, b"x"))[0] == 404
