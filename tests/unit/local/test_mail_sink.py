"""The local mail sink: what is sent to it is shown, and does nothing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import aiosmtplib
import pytest
from aiohttp import ClientSession

from core.mail import Mail, Mailbox, write
from deploy.local.mail_sink import serving
from deploy.local.readiness import http_ready

HOSTILE = '</title><script>alert(1)</script><img src=x onerror="alert(2)">'


class Sink:
    def __init__(self, smtp: int, http: int, session: ClientSession) -> None:
        self.smtp, self.url, self.session = smtp, f"http://127.0.0.1:{http}", session

    async def send(self, to: str = "ann@example.com", **changes: Any) -> None:
        mail = Mail(
            id=UUID(int=1),
            domain="shop.example",
            at=datetime(2026, 1, 1, tzinfo=UTC),
            sender=Mailbox("news@shop.example"),
            to=(Mailbox(to),),
            **{"subject": "Hi", "text": "Hello Ann\n", **changes},
        )
        await aiosmtplib.send(
            write(mail),
            sender="news@shop.example",
            recipients=[to],
            hostname="127.0.0.1",
            port=self.smtp,
            start_tls=False,
        )

    async def messages(self, query: str = "") -> list[dict[str, Any]]:
        async with self.session.get(f"{self.url}/api/messages{query}") as response:
            assert response.status == 200
            return list(await response.json())

    async def page(self, path: str) -> tuple[int, str, str]:
        async with self.session.get(f"{self.url}{path}") as response:
            return response.status, await response.text(), response.headers.get("Content-Security-Policy", "")


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with serving("127.0.0.1", 0, 0) as (smtp, http), ClientSession() as session:
        yield Sink(smtp, http, session)


async def test_a_mail_is_told_with_its_parts_headers_and_links(sink: Sink) -> None:
    html = '<p>Hi</p><a href="https://shop.example/?a=1&amp;b=2">x</a><a href="https://shop.example/?a=1&amp;b=2">y</a>'
    await sink.send(
        html=html,
        text="Hello Ann <https://shop.example/t>.\n",
        headers={"List-Unsubscribe": "<https://shop.example/u/1>"},
    )
    (mail,) = await sink.messages()
    assert (mail["from"], mail["to"], mail["subject"]) == ("news@shop.example", ["ann@example.com"], "Hi")
    assert (mail["html"].strip(), mail["text"].strip()) == (html, "Hello Ann <https://shop.example/t>.")
    assert mail["links"] == ["https://shop.example/?a=1&b=2", "https://shop.example/t"]
    assert ["List-Unsubscribe", "<https://shop.example/u/1>"] in mail["headers"]
    assert datetime.fromisoformat(mail["received_at"]).tzinfo is not None


async def test_mails_are_newest_first_and_found_by_recipient_until_they_are_forgotten(sink: Sink) -> None:
    for number, to in enumerate(("ann@example.com", "bob@example.com", "ann@example.com")):
        await sink.send(to, subject=f"{number}")
    assert [mail["subject"] for mail in await sink.messages()] == ["2", "1", "0"]
    assert [mail["subject"] for mail in await sink.messages("?to=Ann@Example.com")] == ["2", "0"]
    async with sink.session.delete(f"{sink.url}/api/messages") as response:
        assert response.status == 204
    assert await sink.messages() == []


async def test_pages_show_what_came_and_none_of_it_runs(sink: Sink) -> None:
    await sink.send(
        subject=HOSTILE,
        text=HOSTILE,
        html=f'{HOSTILE}<a href="javascript:alert(3)">x</a><a href="https://a.example/">y</a>',
    )
    (mail,) = await sink.messages()
    for path in ("/", f"/messages/{mail['id']}", "/?to=%3Cscript%3E"):
        status, page, policy = await sink.page(path)
        assert (status, "<script" in page, "<img" in page) == (200, False, False)
        assert policy.startswith("default-src 'none'")
    _, page, _ = await sink.page(f"/messages/{mail['id']}")
    assert "<a href='https://a.example/' target='_blank' rel='noopener noreferrer'>" in page
    assert "href='javascript" not in page
    assert "<iframe sandbox='allow-popups allow-popups-to-escape-sandbox'" in page
    status, content, policy = await sink.page(f"/messages/{mail['id']}/html")
    assert (status, "<script>" in content) == (200, True)
    assert "sandbox allow-popups" in policy
    assert "script-src" not in policy


async def test_what_is_not_there_is_404_and_the_sink_says_that_it_is_ready(sink: Sink) -> None:
    assert (await sink.page("/messages/9"))[0] == 404
    assert (await sink.page("/livez"))[0] == 200
    assert await http_ready(sink.url) is None


async def test_what_is_hardly_a_mail_is_shown_all_the_same(sink: Sink) -> None:
    for content in (
        b"",
        b"no headers at all",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
        b"Subject: =?utf-8?b?!!!?=\r\n\r\nx",
    ):
        await aiosmtplib.send(
            content,
            sender="a@b.example",
            recipients=["c@d.example"],
            hostname="127.0.0.1",
            port=sink.smtp,
            start_tls=False,
        )
    for mail in await sink.messages():
        assert (await sink.page(f"/messages/{mail['id']}"))[0] == 200
    assert len(await sink.messages()) == 4
