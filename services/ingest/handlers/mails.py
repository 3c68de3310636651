"""The addresses in mails: `GET /c/{token}` leads to where a link leads, `GET /o/{token}.gif` is the picture that tells that a mail
was opened, `/u/{token}` unsubscribes: a GET asks, a POST does.

Clicks and opens are served in any case and noted as redirect links are. Nobody is sent anywhere but where a mail's link leads.
Unsubscribing is answered when it is committed, and never done by a GET: scanners follow links.

Source: RFC 8058 for the POST that mail programs send.
"""

import base64
import string
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from aiohttp import web

from core.tokens import Token, TokenError, TokenKey, verified
from services.chassis.client_address import Network
from services.chassis.clock import Clock
from services.chassis.errors import RetryableError
from services.ingest import metrics
from services.ingest.browsers import ANSWER_HEADERS, DURABLE
from services.ingest.handlers.serving import page, seen
from services.ingest.mail_links import MailLinks
from services.ingest.served_assets import ServedAsset, ServedAssets
from services.ingest.stamping import Stamp
from services.ingest.unsubscribing import SOURCE, Unsubscribing
from services.ingest.write_behind import WriteBehind

_KIND: Final = "list_email"
_PIXEL: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_GONE: Final = "This link is gone."
_UNKNOWN: Final = "There is no such link."
_AWAY: Final = "This cannot be done now. Try again in a moment."
_ONLY_FOLLOWED: Final = "This link can only be followed."
_ASKING: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Unsubscribe</title>
<form method="post"><p>Do you want no more of these mails?</p><button>Unsubscribe</button></form></html>
"""
_ASKING_HEADERS: Final = {
    **ANSWER_HEADERS,
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}
_DONE: Final = "You are unsubscribed."
_RETRY: Final = {"Retry-After": "1"}


class Mails:
    """The endpoints. Every request is counted by what came of it."""

    def __init__(
        self,
        keys: Sequence[TokenKey],
        assets: ServedAssets,
        links: MailLinks,
        behind: WriteBehind,
        unsubscribing: Unsubscribing,
        clock: Clock,
        proxies: Sequence[Network],
    ) -> None:
        self._keys, self._assets, self._links, self._behind = keys, assets, links, behind
        self._unsubscribing, self._clock, self._proxies = unsubscribing, clock, proxies

    async def click(self, request: web.Request) -> web.Response:
        """Redirect to where the link leads."""
        outcome, response = await self._clicked(request)
        metrics.MAIL_REQUESTS.labels("click", outcome).inc()
        return response

    async def _clicked(self, request: web.Request) -> tuple[str, web.Response]:
        if request.method not in {"GET", "HEAD"}:
            return "method", page(405, _ONLY_FOLLOWED, {"Allow": "GET, HEAD"})
        try:
            token = verified(request.match_info["token"], "click", self._keys)
            asset = await self._assets.find(token.asset_id)
            link = await self._links.find(token.more[-1])
        except (TokenError, IndexError):
            return "unknown", page(404, _UNKNOWN)
        except RetryableError:
            return "unavailable", page(503, _AWAY, _RETRY)
        if asset is None or asset.kind != _KIND or link is None or link.asset_id != token.asset_id:
            return "unknown", page(404, _UNKNOWN)
        if asset.status == "deleted":
            return "deleted", page(410, _GONE)
        headers = {"Location": _escaped(link.url), **ANSWER_HEADERS}
        if request.method == "HEAD":
            return "head", web.Response(status=302, headers=headers)
        outcome, noted = await self._note(request, token, asset, "clicked", link.url)
        return outcome, web.Response(status=302, headers={**headers, **noted})

    async def open(self, request: web.Request) -> web.Response:
        """Answer with the picture, whatever is wrong."""
        outcome, headers = await self._opened(request)
        metrics.MAIL_REQUESTS.labels("open", outcome).inc()
        return web.Response(body=_PIXEL, content_type="image/gif", headers={**ANSWER_HEADERS, **headers})

    async def _opened(self, request: web.Request) -> tuple[str, dict[str, str]]:
        try:
            token = verified(request.match_info["token"], "open", self._keys)
            asset = await self._assets.find(token.asset_id)
        except TokenError:
            return "unknown", {}
        except RetryableError:
            return "unavailable", {}
        if asset is None or asset.kind != _KIND or asset.status == "deleted":
            return "unknown", {}
        if request.method == "HEAD":
            return "head", {}
        return await self._note(request, token, asset, "opened")

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """Ask, or do what was asked for."""
        outcome, response = await self._unsubscribed(request)
        metrics.MAIL_REQUESTS.labels("unsubscribe", outcome).inc()
        return response

    async def _unsubscribed(self, request: web.Request) -> tuple[str, web.Response]:
        if request.method not in {"GET", "HEAD", "POST"}:
            return "method", page(405, _ONLY_FOLLOWED, {"Allow": "GET, HEAD, POST"})
        try:
            token = verified(request.match_info["token"], "unsubscribe", self._keys)
            if request.method != "POST":
                return "asked", web.Response(text=_ASKING, content_type="text/html", headers=_ASKING_HEADERS)
            data = seen(request, self._proxies, message_id=_message(token))
            interaction = await self._unsubscribing.accept(token, data)
        except TokenError:
            return "unknown", page(404, _UNKNOWN)
        except RetryableError:
            return "unavailable", page(503, _AWAY, _RETRY)
        if interaction is None:
            return "repeated", page(200, _DONE)
        return "durable", page(200, _DONE, {DURABLE: interaction.document["uid"]})

    async def _note(
        self, request: web.Request, token: Token, asset: ServedAsset, trigger: str, url: str | None = None
    ) -> tuple[str, dict[str, str]]:
        """Accept the interaction; return how that went, and the headers that tell of it."""
        data = seen(request, self._proxies, url=url, message_id=_message(token))
        stamp = Stamp(asset.versions, self._clock.now())
        interaction = stamp.seen(SOURCE, f"{_KIND}.{trigger}", token.asset_id, token.prospect_id, data)
        written = await self._behind.accept(interaction)
        return written, {DURABLE: interaction.document["uid"]} if written == "durable" else {}


def _message(token: Token) -> str | None:
    """Return the mail's id: its command's, None of an address that came from elsewhere."""
    return token.more[0] or None if token.more else None


@lru_cache(maxsize=1024)
def _escaped(target: str) -> str:
    return quote(target, safe=string.printable)
