"""Where local mail ends: takes every mail by SMTP, keeps the newest in memory, and shows them on a page; local webhooks, too.

    python -m deploy.local.mail_sink --smtp-port 1025 --http-port 8025

`GET /api/messages?to=` answers JSON, newest first; `DELETE /api/messages` forgets all. Mails are strangers' content: nothing of
them runs, loads or is sent anywhere before somebody follows a link.
"""

import argparse
import asyncio
import itertools
import re
import signal
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from typing import Any, Final

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from core.markup import pieces, values
from deploy.local.hook_sink import Hooks
from deploy.local.mail_page import listing_page, message_page

SIZE_MAX_BYTES: Final = 10 * 1024 * 1024
KEPT_MAX: Final = 5_000
_IN_TEXT: Final = re.compile(r"""\bhttps?://[^\s<>"]+""")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_PAGE: Final = {
    "Content-Security-Policy": f"{_POLICY}; frame-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_CONTENT: Final = {
    **_PAGE,
    "Content-Security-Policy": f"{_POLICY}; sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'",
}
"""Of a mail's HTML, wherever it is opened: an origin of its own, no scripts, no forms, no requests."""


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that came. `recipients` are those of the envelope."""

    id: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    def part(self, kind: str) -> str | None:
        """Return the part of this type as text, None where there is none."""
        part = self.message.get_body(preferencelist=(kind,))
        if not isinstance(part, EmailMessage):
            return None
        try:
            return str(part.get_content())
        except (LookupError, ValueError, KeyError):
            return "(cannot be decoded)"

    def document(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        html, text = self.part("html"), self.part("plain")
        return {
            "id": self.id,
            "from": self.sender,
            "to": list(self.recipients),
            "subject": str(self.message.get("Subject", "")),
            "received_at": self.received_at.isoformat(),
            "headers": [[name, str(value)] for name, value in self.message.items()],
            "html": html,
            "text": text,
            "links": links(html, text),
        }


def links(html: str | None, text: str | None) -> list[str]:
    """Return where the links of both parts lead, each once, those of the HTML first."""
    found: dict[str, None] = {}
    for piece in pieces(html or ""):
        if piece.kind == "tag" and piece.name in {"a", "area"}:
            for name, start, end in values(piece.source):
                if name == "href":
                    found[unescape(piece.source[start:end].strip("\"'"))] = None
    for match in _IN_TEXT.finditer(text or ""):
        found[match[0].rstrip(".,;:!?)")] = None
    return list(found)


@dataclass(slots=True)
class Inbox:
    """The newest mails. aiosmtpd calls `handle_DATA`."""

    kept: deque[Received] = field(default_factory=lambda: deque(maxlen=KEPT_MAX))
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
        content = envelope.original_content or b""
        message = message_from_bytes(content, policy=policy.SMTP.clone(raise_on_defect=False))
        number, sender = next(self.numbers), envelope.mail_from or ""
        self.kept.append(Received(number, datetime.now(UTC), sender, tuple(envelope.rcpt_tos), message))
        return f"250 kept as {number}"

    def newest_first(self, to: str | None = None) -> list[Received]:
        """Return the mails, those to one address or all."""
        wanted = to.strip().lower() if to else None
        return [
            mail
            for mail in reversed(self.kept)
            if wanted is None or wanted in {address.lower() for address in mail.recipients}
        ]

    def find(self, number: str) -> Received:
        """Return one. Raises 404."""
        for mail in self.kept:
            if str(mail.id) == number:
                return mail
        raise web.HTTPNotFound


def application(inbox: Inbox) -> web.Application:
    """Serve page and API."""

    async def listing(request: web.Request) -> web.Response:
        to = request.query.get("to")
        shown = [mail.document() for mail in inbox.newest_first(to)[:200]]
        return web.Response(text=listing_page(shown, to or ""), content_type="text/html", headers=_PAGE)

    async def message(request: web.Request) -> web.Response:
        mail = inbox.find(request.match_info["id"])
        return web.Response(text=message_page(mail.document()), content_type="text/html", headers=_PAGE)

    async def content(request: web.Request) -> web.Response:
        html = inbox.find(request.match_info["id"]).part("html") or ""
        return web.Response(text=f"<base target='_blank'>{html}", content_type="text/html", headers=_CONTENT)

    async def messages(request: web.Request) -> web.Response:
        return web.json_response([mail.document() for mail in inbox.newest_first(request.query.get("to"))])

    async def forget(_request: web.Request) -> web.Response:
        inbox.kept.clear()
        return web.Response(status=204)

    async def alive(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ready", "failing": {}})

    app = web.Application()
    app.add_routes(
        [
            web.get("/", listing),
            web.get("/messages/{id}", message),
            web.get("/messages/{id}/html", content),
            web.get("/api/messages", messages),
            web.delete("/api/messages", forget),
            web.get("/livez", alive),
            web.get("/readyz", ready),
            *Hooks(_PAGE).routes(),
        ]
    )
    return app


@asynccontextmanager
async def serving(host: str, smtp_port: int, http_port: int) -> AsyncIterator[tuple[int, int]]:
    """Listen on both ports, 0 takes a free one; yield those that were taken, SMTP's first."""
    inbox, loop = Inbox(), asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(inbox, data_size_limit=SIZE_MAX_BYTES, enable_SMTPUTF8=True, ident="finish", loop=loop)

    runner = web.AppRunner(application(inbox), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    smtp = await loop.create_server(protocol, host, smtp_port)
    try:
        await web.TCPSite(runner, host, http_port).start()
        yield smtp.sockets[0].getsockname()[1], runner.addresses[0][1]
    finally:
        smtp.close()
        await runner.cleanup()


async def main(host: str, smtp_port: int, http_port: int) -> None:
    """Serve until told to stop."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with serving(host, smtp_port, http_port) as (smtp, http):
        print(f"mail sink: smtp://{host}:{smtp} http://{host}:{http}/", flush=True)
        await stopping.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deploy.local.mail_sink", description="Take mail and show it.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=1025)
    parser.add_argument("--http-port", type=int, default=8025)
    given = parser.parse_args()
    asyncio.run(main(given.host, given.smtp_port, given.http_port))
