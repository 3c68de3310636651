"""`POST /api/links`: a prospect's link to an asset, and what no link can be made of."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from core.tokens import Token, TokenKind, read_keys, verified
from services.console.settings import Console
from tests.integration.console.conftest import Running, serving
from tests.support.workspace import Refusal

KEYS: Final = read_keys(f"k1:{'o' * 32}")


@pytest.fixture
async def unpublished(database_url: str, settings: Console) -> AsyncIterator[Running]:
    public = settings.model_copy(update={"public_url": "https://go.example.com/base"})
    async with serving(database_url, public, KEYS) as running:
        yield running


async def refused(console: Running, body: dict[str, Any]) -> tuple[int, list[str]]:
    with pytest.raises(Refusal) as refusal:
        await console.work.api("POST", "/links", body)
    return refusal.value.status, [error["pointer"] for error in refusal.value.body.get("errors", ())]


async def test_a_link_begins_with_the_public_address_and_its_token_names_asset_and_prospect(console: Running) -> None:
    work = console.work
    asset, prospect = await work.asset(), await work.prospect(email="ada@example.com")
    body = {"asset_id": asset, "prospect_id": prospect.upper()}
    answer = await work.api("POST", "/links", body, headers={"Host": "evil.example"})
    before, _, token = answer["url"].rpartition("/")
    assert before == "https://go.example.com/base/r"
    assert verified(token, "link", KEYS) == Token("link", asset, prospect)
    assert await work.link(asset, prospect) == answer["url"]
    await work.api("PATCH", f"/assets/{asset}", {"status": "archived"})
    assert await work.link(asset, prospect) == answer["url"]


async def test_what_no_link_can_be_made_of_is_pointed_at(console: Running) -> None:
    work = console.work
    asset, mail, prospect = await work.asset(), await work.asset(kind="list_email"), await work.prospect()
    stranger = str(uuid4())
    for asset_id, prospect_id, pointers in (
        ("unknown", prospect, ["/asset_id"]),
        (mail, prospect, ["/url"]),
        ("prospect", stranger, ["/asset_id", "/prospect_id"]),
        (asset, stranger, ["/prospect_id"]),
        (asset, "7", ["/prospect_id"]),
        ("../etc", prospect, ["/asset_id"]),
    ):
        assert await refused(console, {"asset_id": asset_id, "prospect_id": prospect_id}) == (422, pointers)
    assert await refused(console, {"asset_id": asset}) == (422, ["/prospect_id"])
    await console.rows("UPDATE assets SET status = 'deleted' WHERE id = $1", asset)
    assert await refused(console, {"asset_id": asset, "prospect_id": prospect}) == (422, ["/asset_id"])


async def test_a_list_emails_addresses_are_those_of_a_mail(console: Running) -> None:
    work = console.work
    mail, prospect = await work.asset(kind="list_email"), await work.prospect(email="ada@example.com")
    body = {"asset_id": mail, "prospect_id": prospect}

    async def made(kind: TokenKind, **more: str) -> Token:
        url = (await work.api("POST", "/links", {**body, **more}))["url"]
        return verified(url.removesuffix(".gif").rpartition("/")[2], kind, KEYS)

    click = await made("click", url="https://shop.example/a?b=c")
    (row,) = await console.rows("SELECT asset_id, url FROM mail_links WHERE id = $1", UUID(click.more[1]))
    assert tuple(row) == (mail, "https://shop.example/a?b=c")
    assert await made("click", url="https://shop.example/a?b=c") == click
    assert (await made("open", trigger="opened")).more == ("",)
    assert (await made("unsubscribe", trigger="unsubscribed")).more == ("", "")
    assert await refused(console, {**body, "url": "javascript:alert(1)"}) == (422, ["/url"])
    assert await refused(console, {**body, "trigger": "opened", "url": "https://a.example/"}) == (422, ["/url"])
    link = await work.asset()
    assert await refused(console, {**body, "asset_id": link, "trigger": "opened"}) == (422, ["/trigger"])


async def test_without_keys_of_tokens_it_is_a_503_that_says_so(database_url: str, settings: Console) -> None:
    async with serving(database_url, settings) as keyless:
        with pytest.raises(Refusal) as refusal:
            await keyless.work.api("POST", "/links", {"asset_id": "a", "prospect_id": str(uuid4())})
    assert refusal.value.status == 503
    assert refusal.value.body["detail"] == "FA_TOKENS__KEYS is not set"
