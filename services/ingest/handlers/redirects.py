"""`GET /r/{token}`: the link redirects at once, whatever the state of the rest, and the click is an interaction.

Only the asset's record decides where to: nothing of the request does. HEAD redirects and is no interaction. What is no
token of a link that there is gets one constant page, whatever is wrong with it.
"""

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
from services.ingest.served_assets import ServedAsset, ServedAssets
from services.ingest.stamping import Stamp
from services.ingest.write_behind import WriteBehind

SOURCE: Final = "finish/links"
_KIND: Final = "redirect_link"
_TYPE: Final = "redirect_link.clicked"
_PAGES: Final = {
    404: "There is no such link.",
    405: "This link can only be followed.",
    410: "This link is gone.",
    503: "This link cannot be followed now. Try again in a moment.",
}


class Redirects:
    """The endpoint. Every request is counted by what came of it."""

    def __init__(
        self,
        keys: Sequence[TokenKey],
        assets: ServedAssets,
        behind: WriteBehind,
        clock: Clock,
        proxies: Sequence[Network],
    ) -> None:
        self._keys, self._assets, self._behind, self._clock, self._proxies = keys, assets, behind, clock, proxies

    async def answer(self, request: web.Request) -> web.Response:
        """Redirect, or say why not."""
        began = self._clock.monotonic()
        try:
            outcome, response = await self._answer(request)
        finally:
            metrics.REDIRECT_SECONDS.observe(self._clock.monotonic() - began)
        metrics.redirects(outcome).inc()
        return response

    async def _answer(self, request: web.Request) -> tuple[str, web.Response]:
        if request.method not in {"GET", "HEAD"}:
            return "method", _page(405, Allow="GET, HEAD")
        try:
            token = verified(request.match_info["token"], "link", self._keys)
            asset = await self._assets.find(token.asset_id)
        except TokenError:
            return "unknown", _page(404)
        except RetryableError:
            return "unavailable", _page(503, **{"Retry-After": "1"})
        if asset is None or asset.kind != _KIND or "target_url" not in asset.settings:
            return "unknown", _page(404)
        if asset.status == "deleted":
            return "deleted", _page(410)
        if request.method == "HEAD":
            return "head", _redirect(asset)
        return await self._follow(request, token, asset)

    async def _follow(self, request: web.Request, token: Token, asset: ServedAsset) -> tuple[str, web.Response]:
        now = self._clock.now()
        data = seen(request, self._proxies, url=asset.settings["target_url"])
        interaction = Stamp(asset.versions, now).seen(SOURCE, _TYPE, token.asset_id, token.prospect_id, data)
        written = await self._behind.accept(interaction)
        return written, _redirect(asset, **({DURABLE: interaction.document["uid"]} if written == "durable" else {}))


def _redirect(asset: ServedAsset, **headers: str) -> web.Response:
    """Answer 302. A header is ASCII: other characters of the address are escaped as browsers do it, all others stay."""
    location = _escaped(asset.settings["target_url"])
    return web.Response(status=302, headers={"Location": location, **ANSWER_HEADERS, **headers})


@lru_cache(maxsize=1024)
def _escaped(target: str) -> str:
    return quote(target, safe=string.printable)


def _page(status: int, **headers: str) -> web.Response:
    return page(status, _PAGES[status], headers)
