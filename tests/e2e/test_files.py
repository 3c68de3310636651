"""A hosted file from its upload to the effect of its download, on the real system."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import pytest

from tests.support.deployment import Deployment, deployed
from tests.support.workspace import fired

CONTENT = b"%PDF-1.7 " + bytes(range(256)) * 8192


@pytest.fixture
async def deployment(stack_env: Mapping[str, str], tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployed({**stack_env, "FA_BLOBS__FOLDER": str(tmp_path / "blobs")}, tmp_path) as running:
        yield running


async def test_an_uploaded_file_is_downloaded_in_two_parts_and_fires_once(deployment: Deployment) -> None:
    work = deployment.workspace
    tags = [{"id": "tag", "trigger": "downloaded", "type": "add_tags", "params": {"tags": ["has the brochure"]}}]
    asset = await work.asset(tags, kind="hosted_file")
    await work.known(asset, 1, "hosted_file.downloaded")
    prospect = await work.prospect()
    await work.upload(asset, "Brochure.pdf", CONTENT, "application/pdf")
    url = (await work.api("POST", "/links", {"asset_id": asset, "prospect_id": prospect}))["url"]

    async def part(session: aiohttp.ClientSession, wanted: str) -> tuple[int, bytes, str | None]:
        async with session.get(url, headers={"Range": wanted}) as answer:
            return answer.status, await answer.read(), answer.headers.get("finish-interaction")

    async with aiohttp.ClientSession() as browser:
        status, first, uid = await part(browser, "bytes=0-999999")
        assert uid is not None
        rest = await part(browser, "bytes=1000000-")
    assert (status, rest[0], first + rest[1], rest[2]) == (206, 206, CONTENT, None)
    assert fired(await work.settled(uid)) == {"tag": True}
    assert (await work.record(prospect))["tags"] == ["has the brochure"]
    downloads = [entry for entry in await work.timeline(prospect) if entry["type"] == "hosted_file.downloaded"]
    assert [entry["uid"] for entry in downloads] == [uid]
