"""Blobs in a folder and in a bucket, by one set of tests."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import ValidationError

from services.blobs.opening import blobs
from services.blobs.settings import Blobs as Settings
from services.blobs.store import Blobs, NoBlobError, new_name
from services.chassis.errors import RetryableError

BUCKET = "files"
LARGE = bytes(range(256)) * 4096 * 17  # 17 MiB: three parts


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Blobs]:
    settings = Settings(folder=tmp_path / "new" / "blobs")
    if request.param == "bucket":
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        url = request.getfixturevalue("moto")
        await asyncio.to_thread(
            lambda: boto3.client("s3", region_name="us-east-1", endpoint_url=url).create_bucket(Bucket=BUCKET)
        )
        settings = Settings(bucket=BUCKET, region="us-east-1", endpoint_url=url)
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(blobs(settings))


async def _sent(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def _read(store: Blobs, name: str, start: int, length: int) -> bytes:
    async with store.opened(name, start, length) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_what_was_put_can_be_read_whole_and_in_parts_until_it_is_deleted(store: Blobs) -> None:
    name, other = new_name(), new_name()
    await store.put(name, _sent([LARGE[:1], LARGE[1:9_000_000], LARGE[9_000_000:]]))
    await store.put(other, _sent([b"other"]))
    assert await _read(store, name, 0, len(LARGE)) == LARGE
    assert await _read(store, name, 8_388_607, 3) == LARGE[8_388_607:8_388_610]
    assert await _read(store, name, len(LARGE) - 1, 1) == LARGE[-1:]
    await store.delete(name)
    await store.delete(name)
    with pytest.raises(NoBlobError):
        await _read(store, name, 0, 1)
    assert await _read(store, other, 0, 5) == b"other"


async def test_nothing_is_a_blob_too(store: Blobs) -> None:
    name = new_name()
    await store.put(name, _sent([]))
    assert await _read(store, name, 0, 0) == b""


@pytest.mark.parametrize("name", ["../secret", "", "A" * 32, "0" * 31, "0" * 32 + "\n", "/etc/passwd"])
async def test_what_was_not_named_here_is_no_blob(store: Blobs, name: str) -> None:
    for attempt in (_read(store, name, 0, 1), store.put(name, _sent([b"x"])), store.delete(name)):
        with pytest.raises(NoBlobError):
            await attempt


async def test_what_breaks_off_leaves_nothing(store: Blobs) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield LARGE[:9_000_000]
        raise ConnectionError("the client is gone")

    name = new_name()
    with pytest.raises((ConnectionError, RetryableError)):
        await store.put(name, broken())
    with pytest.raises(NoBlobError):
        await _read(store, name, 0, 1)


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_folder_keeps_nothing_of_what_broke_off(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError

    async with blobs(Settings(folder=tmp_path)) as store:
        with pytest.raises(ConnectionError):
            await store.put(new_name(), broken())
    assert _listed(tmp_path) == []


async def test_a_store_that_is_away_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    async with blobs(Settings(folder=tmp_path / "file")) as store:
        with pytest.raises(RetryableError):
            await store.put(new_name(), _sent([b"x"]))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    away = Settings(bucket=BUCKET, region="us-east-1", endpoint_url="http://127.0.0.1:9", timeout_s=1.0)
    async with blobs(away) as store:
        with pytest.raises(RetryableError):
            await _read(store, new_name(), 0, 1)


def test_a_prefix_is_plain() -> None:
    with pytest.raises(ValidationError):
        Settings(prefix="a b")
