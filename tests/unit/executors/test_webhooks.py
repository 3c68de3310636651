"""Webhooks against a receiver: what is sent, how it is signed, and what its answers mean."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from core.templates import scopes
from core.webhooks import retry_after_s
from schemas.commands.command import Command
from services.chassis.clock import SystemClock
from services.chassis.errors import PermanentError, RetryableError
from services.executors.adapters.webhooks import Webhooks
from services.executors.ports import GoneError, Situation
from services.outbound.calling import caller
from services.outbound.settings import Webhook
from tests.integration.executors.bench import command
from tests.integration.executors.delivering import INTERACTION
from tests.support.http_sink import Sink, http_sink

NEW, OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
PROSPECT = {
    "id": str(uuid4()),
    "email": "ann@example.org",
    "score": 7,
    "owner": None,
    "tags": ["vip"],
    "lists": {"news": "subscribed"},
    "consent": "none",
    "lead_id": None,
    "fields": {"company": 'Smith "& Sons"'},
}


class Receiving:
    """A receiver, and webhooks that may go there."""

    def __init__(self, sink: Sink, remote: Webhooks) -> None:
        self.sink, self.remote = sink, remote

    def asked(self, **params: Any) -> Command:
        """Return a command to call the receiver."""
        made = command(uuid4(), "fire_webhook", {"url": f"{self.sink.url}/hook", **params}, 1, interaction=INTERACTION)
        return Command.model_validate(made)

    def request(self, asked: Command) -> bytes:
        """Return the rendered request."""
        seen = scopes(PROSPECT, None, asked.interaction or {})
        return self.remote.prepare(asked, Situation(PROSPECT, asked.recordedtime, seen)).request

    async def fire(self, asked: Command) -> Any:
        """Make one attempt."""
        return await self.remote.perform(asked, self.request(asked), 1)


@pytest.fixture
async def receiving() -> AsyncIterator[Receiving]:
    async with http_sink() as sink:
        settings = Webhook.model_validate({"allow": f"127.0.0.1:{sink.port}"})
        async with caller(settings) as http:
            yield Receiving(sink, Webhooks(http, settings, SystemClock()))


async def test_the_standard_envelope_says_what_fired_for_whom(receiving: Receiving) -> None:
    asked = receiving.asked()
    answer = await receiving.fire(asked)
    (got,) = receiving.sink.received
    assert (answer.outcome.state, answer.status, answer.excerpt) == ("done", "200", "thanks")
    assert (got.method, got.headers["content-type"]) == ("POST", "application/json")
    assert got.headers["webhook-id"] == str(asked.id)
    body = orjson.loads(got.body)
    assert body["type"] == "finish_action.fired"
    assert body["data"]["command_id"] == str(asked.id)
    assert body["data"]["action"] == {"id": "act-1", "name": "An action"}
    assert body["data"]["interaction"] == INTERACTION
    assert body["data"]["prospect"] == {**PROSPECT, "lists": [{"id": "news", "status": "subscribed"}]}


async def test_a_body_and_headers_of_the_marketers(receiving: Receiving) -> None:
    asked = receiving.asked(
        method="PUT", body="{{ prospect.email }} {{ event.data.amount }}", headers={"X-Team": "sales"}
    )
    await receiving.fire(asked)
    await receiving.fire(receiving.asked(body='{"score": {{ prospect.score }}}'))
    await receiving.fire(receiving.asked(method="GET"))
    text, document, got = receiving.sink.received
    assert (text.method, text.body, text.headers["x-team"]) == ("PUT", b"ann@example.org 3", "sales")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert (document.body, document.headers["content-type"]) == (b'{"score": 7}', "application/json")
    assert (got.method, got.body) == ("GET", b"")


async def test_either_of_two_secrets_verifies_the_signature(
    receiving: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_HOOK", f"{NEW} {OLD}")
    asked = receiving.asked(auth={"type": "hmac", "secret": "env:SHOP_HOOK"})
    await receiving.fire(asked)
    (got,) = receiving.sink.received
    for secret in (NEW, OLD):
        assert Verifier(secret).verify(got.body, got.headers)["data"]["command_id"] == str(asked.id)
    with pytest.raises(WebhookVerificationError):
        Verifier("whsec_" + "A" * 32).verify(got.body, got.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(NEW).verify(got.body + b" ", got.headers)


async def test_basic_and_bearer(receiving: Receiving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "open sesame".replace(" ", "-"))
    await receiving.fire(receiving.asked(auth={"type": "basic", "user": "ann", "secret": "env:SHOP_PASSWORD"}))
    await receiving.fire(receiving.asked(auth={"type": "bearer", "secret": "env:SHOP_PASSWORD"}))
    basic, bearer = (got.headers["authorization"] for got in receiving.sink.received)
    assert (basic, bearer) == ("Basic YW5uOm9wZW4tc2VzYW1l", "Bearer open-sesame")


@pytest.mark.parametrize(
    "name", ["FA_TOKENS__KEYS", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "PATH", "NOT_SET"]
)
async def test_no_webhook_reads_the_secrets_of_the_system(
    receiving: Receiving, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name != "NOT_SET":
        monkeypatch.setenv(name, "s3cret")
    with pytest.raises(PermanentError) as refusal:
        await receiving.fire(receiving.asked(auth={"type": "bearer", "secret": f"env:{name}"}))
    assert receiving.sink.received == []
    assert "s3cret" not in str(refusal.value)


async def test_where_the_operator_names_secrets_there_are_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_HOOK", NEW)
    monkeypatch.setenv("OTHER_HOOK", NEW)
    async with http_sink() as sink:
        settings = Webhook.model_validate({"allow": f"127.0.0.1:{sink.port}", "secrets": "SHOP_HOOK"})
        async with caller(settings) as http:
            receiving = Receiving(sink, Webhooks(http, settings, SystemClock()))
            await receiving.fire(receiving.asked(auth={"type": "hmac", "secret": "env:SHOP_HOOK"}))
            with pytest.raises(PermanentError):
                await receiving.fire(receiving.asked(auth={"type": "hmac", "secret": "env:OTHER_HOOK"}))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226])
async def test_any_2xx_is_done(receiving: Receiving, status: int) -> None:
    receiving.sink.answers.append(web.Response(status=status))
    answer = await receiving.fire(receiving.asked())
    assert (answer.outcome.state, answer.status) == ("done", str(status))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_what_may_pass_is_tried_again(receiving: Receiving, status: int) -> None:
    receiving.sink.answers.append(web.Response(status=status, headers={"Retry-After": "17"}))
    with pytest.raises(RetryableError) as failure:
        await receiving.fire(receiving.asked())
    assert (failure.value.reason, failure.value.after) == (str(status), 17.0)


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 400, 401, 403, 404, 405, 409, 413, 422])
async def test_what_will_not_pass_is_dead(receiving: Receiving, status: int) -> None:
    receiving.sink.answers.append(web.Response(status=status, headers={"Location": "http://169.254.169.254/"}))
    with pytest.raises(PermanentError, match=str(status)):
        await receiving.fire(receiving.asked())


async def test_410_is_gone(receiving: Receiving) -> None:
    receiving.sink.answers.append(web.Response(status=410))
    with pytest.raises(GoneError):
        await receiving.fire(receiving.asked())


async def test_the_stored_request_is_the_same_whenever_it_is_rendered(receiving: Receiving) -> None:
    asked = receiving.asked()
    assert receiving.request(asked) == receiving.request(asked)
    await receiving.fire(asked)
    await receiving.fire(asked)
    first, second = receiving.sink.received
    assert first.body == second.body


def test_retry_after_is_seconds_or_a_date() -> None:
    now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    later = (now + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    earlier = (now - timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    asked = {"120": 120.0, later: 90.0, earlier: 0.0, "soon": None, "-5": None, "": None, "9" * 400: 999999999.0}
    assert {value: retry_after_s(value, now) for value in asked} == asked
    assert retry_after_s(None, now) is None
