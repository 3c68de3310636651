"""List e-mails rendered for one prospect, and sends to lists as they are asked for and told of."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.tokens import read_keys, verified
from services.console.settings import Console
from tests.integration.console.conftest import Running, serving
from tests.support.workspace import Refusal

KEYS = read_keys(f"k1:{'o' * 32}")
URL = "http://127.0.0.1:8080"


@pytest.fixture
async def unpublished(database_url: str, settings: Console) -> AsyncIterator[Running]:
    async with serving(database_url, settings, KEYS) as running:
        yield running


async def _template(console: Running, **texts: Any) -> str:
    usual = {
        "name": "News",
        "subject": "Hi {{ prospect.first_name }}",
        "html": '<a href="https://shop.example/a">A</a>',
    }
    return str((await console.work.api("POST", "/templates", usual | texts))["id"])


async def _refused(console: Running, path: str, body: dict[str, Any]) -> tuple[int, str]:
    with pytest.raises(Refusal) as refused:
        await console.work.api("POST", path, body)
    problem = refused.value.body
    return refused.value.status, problem["errors"][0]["pointer"] if "errors" in problem else problem["type"]


async def test_a_rendered_mail_is_tracked_in_both_parts_and_names_itself(console: Running) -> None:
    template = await _template(console)
    prospect = await console.work.prospect(email="ann@example.org", fields={"first_name": "Ann <b>"})
    body = {"prospect_id": prospect, "message_id": "march-1"}
    mail = await console.work.api("POST", f"/emails/{template}/render", body)
    assert (mail["to"], mail["subject"], mail["message_id"]) == ("ann@example.org", "Hi Ann <b>", "march-1")
    assert "https://shop.example/a" not in mail["html"] + mail["text"]
    for part in (mail["html"], mail["text"]):
        token = verified(part.partition(f"{URL}/c/")[2].partition('"')[0].split()[0].strip(">"), "click", KEYS)
        assert (token.asset_id, token.prospect_id, token.more[0]) == (template, prospect, "march-1")
    assert f'src="{URL}/o/' in mail["html"]
    assert mail["headers"]["Message-ID"] == "<march-1@127.0.0.1>"
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = mail["headers"]["List-Unsubscribe"].strip("<>")
    assert verified(url.partition("/u/")[2], "unsubscribe", KEYS).more == ("march-1", "")
    assert url in mail["text"]
    assert [row["url"] for row in await console.rows("SELECT url FROM mail_links")] == ["https://shop.example/a"]
    assert await console.work.api("POST", f"/emails/{template}/render", body) == mail
    (kept,) = await console.rows("SELECT * FROM mails")
    assert (kept["id"], kept["asset_id"], kept["prospect_id"]) == ("march-1", template, UUID(prospect))

    other = await console.work.prospect(email="bob@example.org")
    wanted = {"prospect_id": other, "message_id": "march-1"}
    assert await _refused(console, f"/emails/{template}/render", wanted) == (409, "/message_id")
    wanted = {"prospect_id": other, "class": "transactional"}
    plain = await console.work.api("POST", f"/emails/{template}/render", wanted)
    assert str(UUID(plain["message_id"])) == plain["message_id"]
    assert plain["headers"].keys() == {"Message-ID"}
    assert "/u/" not in plain["text"]


async def test_what_must_not_be_sent_is_not_rendered(console: Running) -> None:
    template = await _template(console)
    await console.work.api("POST", "/lists", {"id": "news", "name": "News"})
    path, prospect = f"/emails/{template}/render", await console.work.prospect(email="ann@example.org")
    body = {"prospect_id": prospect}
    await console.rows('UPDATE prospects SET lists = \'{"news": "unsubscribed"}\' WHERE id = $1', UUID(prospect))
    assert await _refused(console, path, body | {"list": "news"}) == (409, "/problems/no-consent")
    await console.work.api("POST", path, body)
    await console.rows("UPDATE prospects SET consent = 'unsubscribed' WHERE id = $1", UUID(prospect))
    assert await _refused(console, path, body) == (409, "/problems/no-consent")
    await console.work.api("POST", path, body | {"class": "transactional"})
    await console.rows("UPDATE prospects SET consent = 'bounced' WHERE id = $1", UUID(prospect))
    assert await _refused(console, path, body | {"class": "transactional"}) == (409, "/problems/no-consent")
    nobody = await console.work.prospect()
    assert await _refused(console, path, {"prospect_id": nobody}) == (409, "/problems/no-recipient")


async def test_what_names_nothing_is_refused(console: Running) -> None:
    template, prospect = await _template(console), await console.work.prospect(email="ann@example.org")
    body = {"prospect_id": prospect}
    for path, wanted, told in (
        (f"/emails/{template}/render", {"prospect_id": str(uuid4())}, (422, "/prospect_id")),
        (f"/emails/{template}/render", body | {"list": "none"}, (422, "/list")),
        (f"/emails/{template}/render", body | {"message_id": "a b"}, (422, "/message_id")),
        (f"/emails/{template}/send", {"list": "none"}, (422, "/list")),
        (f"/emails/{template}/send", {}, (422, "/list")),
        ("/emails/none/render", body, (404, "/problems/not-found")),
        ("/emails/none/send", {"list": "none"}, (404, "/problems/not-found")),
    ):
        assert await _refused(console, path, wanted) == told
    for id_ in ("x", str(uuid4())):
        with pytest.raises(Refusal) as refused:
            await console.work.api("GET", f"/sends/{id_}")
        assert refused.value.status == 404
    assert await console.rows("SELECT * FROM list_sends") == []


async def test_a_send_tells_how_it_stands(console: Running) -> None:
    template = await _template(console)
    list_id = (await console.work.api("POST", "/lists", {"name": "Customers"}))["id"]
    send = await console.work.api("POST", f"/emails/{template}/send", {"list": list_id, "from": "owner"})
    assert (send["list"], send["asset_id"], send["queued"], send["queued_at"], send["states"]) == (
        list_id, template, 0, None, {},
    )  # fmt: skip
    (row,) = await console.rows("SELECT params FROM list_sends")
    assert row["params"] == {"list": list_id, "class": "marketing", "from": "owner", "template": template}
    for state in ("done", "done", "suppressed"):
        await console.rows(
            "INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, recordedtime)"
            " VALUES (gen_random_uuid(), $1, gen_random_uuid(), 'send', 'email', 'send_email', $2, now())",
            UUID(send["id"]),
            state,
        )
    told = await console.work.api("GET", f"/sends/{send['id']}")
    assert told == {**send, "states": {"done": 2, "suppressed": 1}}
