"""Where local webhooks end: `/hooks/<any path>` takes every request and answers 200, `/hooks` shows the newest."""

import itertools
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from aiohttp import web

from deploy.local.mail_page import framed

KEPT_MAX: Final = 5_000
_BODY_MAX: Final = 64 * 1024
_SHOWN_MAX: Final = 100


@dataclass(slots=True)
class Hooks:
    """The newest requests."""

    headers: Mapping[str, str]
    kept: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_MAX))
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        return [
            web.get("/hooks", self.page),
            web.get("/api/hooks", self.listing),
            web.route("*", "/hooks/{path:.+}", self.take),
        ]

    async def take(self, request: web.Request) -> web.Response:
        """Keep a request."""
        body = await request.content.read(_BODY_MAX)
        self.kept.append(
            {
                "id": next(self.numbers),
                "received_at": datetime.now(UTC).isoformat(),
                "method": request.method,
                "path": request.path_qs,
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "body": body.decode("utf-8", "replace"),
            }
        )
        return web.Response(text="taken\n")

    async def listing(self, request: web.Request) -> web.Response:
        """Answer with what came, newest first, to one path or all."""
        path = request.query.get("path")
        found = [each for each in reversed(self.kept) if path is None or each["path"] == path]
        return web.json_response(found, headers=self.headers)

    async def page(self, _request: web.Request) -> web.Response:
        """Show the newest."""
        shown = "".join(
            f"<h2>{escape(each['method'])} {escape(each['path'])}</h2><p>{escape(each['received_at'][:19])}, "
            f"webhook-id {escape(each['headers'].get('webhook-id', 'none'))}</p><pre>{escape(each['body'])}</pre>"
            for each in list(reversed(self.kept))[:_SHOWN_MAX]
        )
        body = f"<p><a href='/'>Mail</a></p><h1>Webhooks</h1>{shown or '<p class=none>None yet.</p>'}"
        return web.Response(text=framed("Webhooks", body), content_type="text/html", headers=self.headers)
