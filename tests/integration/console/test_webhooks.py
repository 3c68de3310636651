"""Webhooks are judged when an action is saved, and may be tried before."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web

from services.console.settings import Console
from services.outbound.settings import Webhook
from tests.integration.console.conftest import Running, serving
from tests.support.http_sink import Sink, http_sink
from tests.support.workspace import Refusal

FORBIDDEN = ["https://127.1/", "https://[::ffff:7f00:1]/", "https://metadata.google.internal/", "http://example.com/"]


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with http_sink() as opened:
        yield opened


@pytest.fixture
async def open_console(database_url: str, settings: Console, sink: Sink) -> AsyncIterator[Running]:
    allowed = Webhook.model_validate({"allow": f"127.0.0.1:{sink.port}"})
    async with serving(database_url, settings, webhook=allowed) as running:
        yield running


async def _refused(console: Running, path: str, body: Any, method: str = "POST") -> list[tuple[str, str]]:
    with pytest.raises(Refusal) as refusal:
        await console.work.api(method, path, body)
    assert refusal.value.status == 422
    return [(error["pointer"], error["detail"]) for error in refusal.value.body["errors"]]


@pytest.mark.parametrize("url", FORBIDDEN)
async def test_a_forbidden_url_is_refused_at_save_in_a_dry_run_and_in_a_test(open_console: Running, url: str) -> None:
    action = {"name": "Tell", "trigger": "updated", "type": "fire_webhook", "params": {"url": url}}
    ((pointer, detail),) = await _refused(open_console, "/assets/prospect/actions", {"actions": [action]}, "PUT")
    assert pointer == "/actions/0/params/url"
    ((one, same),) = await _refused(open_console, "/assets/prospect/actions", action)
    assert (one, same) == ("/params/url", detail)
    assert await _refused(open_console, "/webhooks/test", {"url": url}) == [("/url", detail)]
    assert url not in detail


async def test_an_unknown_merge_field_of_the_body_is_named(open_console: Running, sink: Sink) -> None:
    found = await _refused(open_console, "/webhooks/test", {"url": f"{sink.url}/", "body": "{{ prospect.sise }}"})
    assert found == [("/body", "prospect.sise is not a merge field")]
    assert sink.received == []


async def test_a_webhook_is_tried_once_for_a_prospect(open_console: Running, sink: Sink) -> None:
    row = await open_console.database.row(
        "INSERT INTO prospects (id, email) VALUES (gen_random_uuid(), 'ann@example.org') RETURNING id"
    )
    assert row is not None
    tested = await open_console.work.api(
        "POST",
        "/webhooks/test",
        {"url": f"{sink.url}/hook", "body": "{{ prospect.email }}", "prospect_id": str(row["id"])},
    )
    (got,) = sink.received
    assert got.body == b"ann@example.org"
    assert (tested["ok"], tested["status"], tested["answer"], tested["error"]) == (True, 200, "thanks", None)
    assert tested["webhook_id"] == got.headers["webhook-id"]


async def test_without_a_prospect_a_made_up_one_is_sent_and_the_answers_meaning_told(
    open_console: Running, sink: Sink
) -> None:
    sink.answers.extend([web.Response(status=503), web.Response(status=404)])
    first = await open_console.work.api("POST", "/webhooks/test", {"url": f"{sink.url}/hook"})
    second = await open_console.work.api("POST", "/webhooks/test", {"url": f"{sink.url}/hook"})
    assert (first["ok"], first["status"], first["error"]) == (False, 503, "an action would try again later")
    assert (second["ok"], second["status"], second["error"]) == (False, 404, "an action would give up")
    assert orjson.loads(sink.received[0].body)["data"]["prospect"]["email"] == "test@example.com"


async def test_nobody_listening_is_told(open_console: Running, sink: Sink) -> None:
    secret = {"url": f"{sink.url}/hook", "auth": {"type": "bearer", "secret": "env:FA_TOKENS__KEYS"}}
    tested = await open_console.work.api("POST", "/webhooks/test", secret)
    assert (tested["ok"], tested["status"], tested["error"]) == (False, None, "its secret may not be referred to")
    assert sink.received == []


async def test_a_push_to_a_crm_is_checked_as_a_webhook_is_read_changed_and_ended(open_console: Running) -> None:
    work = open_console.work
    for method in ("GET", "DELETE"):
        with pytest.raises(Refusal) as refusal:
            await work.api(method, "/crm-push")
        assert refusal.value.status == 404
    for url in FORBIDDEN:
        ((pointer, detail),) = await _refused(open_console, "/crm-push", {"url": url}, "PUT")
        assert (pointer, url in detail) == ("/url", False)
    secret = {"type": "bearer", "secret": "s3cret"}
    assert [
        pointer
        for pointer, _ in await _refused(
            open_console, "/crm-push", {"url": "https://crm.example/", "auth": secret, "records": ["deal"]}, "PUT"
        )
    ] == ["/auth/secret", "/records/0"]

    auth = {"type": "hmac", "secret": "env:FA_SECRET_CRM"}
    wanted = {"url": "https://crm.example/in", "auth": auth}
    written = await work.api("PUT", "/crm-push", wanted)
    assert (written["url"], written["records"]) == (wanted["url"], ["lead", "task"])
    assert written["auth"] == {**auth, "user": None}
    changed = await work.api("PUT", "/crm-push", {**wanted, "headers": {"X-A": "b"}, "records": ["task", "task"]})
    assert (changed["records"], changed["headers"]) == (["task"], {"X-A": "b"})
    assert await work.api("GET", "/crm-push") == changed
    await work.api("DELETE", "/crm-push")
    assert await open_console.rows("SELECT * FROM crm_push") == []
