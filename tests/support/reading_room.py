"""What a prospect has open in a browser: mails in a web mail program, and the marketer's own site."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import escape
from typing import Final

from aiohttp import web

_NEW_TABS: Final = '<base target="_blank">'
"""As web mail programs show a mail: what is clicked in it does not replace it."""
_PAGE: Final = '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>{body}</html>'
_ADDRESS: Final = re.compile(r"https?://[^\s<>]+")


@dataclass
class ReadingRoom:
    """Pages by path. A mail's text is shown as mail programs do: escaped, each address in it a link."""

    port: int = 0
    pages: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def show(self, path: str, body: str, title: str = "A page") -> str:
        """Show a page and return its address."""
        self.pages[path] = _PAGE.format(title=escape(title), body=body)
        return f"{self.url}{path}"

    def show_mail(self, path: str, message: EmailMessage, part: str) -> str:
        """Show the part of a mail that is asked for, `html` or `plain`, and return its address."""
        body = message.get_body((part,))
        assert body is not None, f"the mail has no part {part}"
        content = str(body.get_content())
        shown = content if part == "html" else f"<pre>{_linked(content)}</pre>"
        return self.show(path, _NEW_TABS + shown, str(message["Subject"]))

    async def answer(self, request: web.Request) -> web.Response:
        if (found := self.pages.get(request.path)) is None:
            return web.Response(status=404, text="no such page")
        return web.Response(text=found, content_type="text/html")


def _linked(text: str) -> str:
    pieces, behind = [], 0
    for found in _ADDRESS.finditer(text):
        address = escape(found.group())
        pieces += [escape(text[behind : found.start()]), f'<a href="{address}">{address}</a>']
        behind = found.end()
    return "".join([*pieces, escape(text[behind:])])


@asynccontextmanager
async def reading_room() -> AsyncIterator[ReadingRoom]:
    """Listen on a free port."""
    room, app = ReadingRoom(), web.Application()
    app.router.add_get("/{rest:.*}", room.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        room.port = runner.addresses[0][1]
        yield room
    finally:
        await runner.cleanup()
