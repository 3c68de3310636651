"""`/confirm/{token}`: the address in the mail that asks a new address to be confirmed. A GET asks, a POST does: scanners follow
links."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from core.tokens import TokenError, TokenKey, verified
from services.chassis.errors import RetryableError
from services.ingest import metrics
from services.ingest.browsers import ANSWER_HEADERS, DURABLE
from services.ingest.confirming import Confirming
from services.ingest.handlers.serving import page

_ASKING: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Confirm</title>
<form method="post"><p>Is this address yours, and do you want what you asked for?</p><button>Confirm</button></form></html>
"""
_ASKING_HEADERS: Final = {
    **ANSWER_HEADERS,
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}
_DONE: Final = "Thank you: your address is confirmed."
_NOTHING: Final = "Nothing waits to be confirmed: it is done already, or too old. If need be, send the form again."
_UNKNOWN: Final = "There is no such link."
_AWAY: Final = "This cannot be done now. Try again in a moment."
_ONLY_FOLLOWED: Final = "This link can only be followed."


class Confirmations:
    """The endpoint. Every request is counted by what came of it."""

    def __init__(self, keys: Sequence[TokenKey], confirming: Confirming) -> None:
        self._keys, self._confirming = keys, confirming

    async def answer(self, request: web.Request) -> web.Response:
        """Ask, or do what was asked for."""
        outcome, response = await self._answered(request)
        metrics.MAIL_REQUESTS.labels("confirm", outcome).inc()
        return response

    async def _answered(self, request: web.Request) -> tuple[str, web.Response]:
        if request.method not in {"GET", "HEAD", "POST"}:
            return "method", page(405, _ONLY_FOLLOWED, {"Allow": "GET, HEAD, POST"})
        try:
            token = verified(request.match_info["token"], "confirm", self._keys)
            if request.method != "POST":
                return "asked", web.Response(text=_ASKING, content_type="text/html", headers=_ASKING_HEADERS)
            interactions = await self._confirming.accept(token)
        except TokenError:
            return "unknown", page(404, _UNKNOWN)
        except RetryableError:
            return "unavailable", page(503, _AWAY, {"Retry-After": "1"})
        if not interactions:
            return "repeated", page(200, _NOTHING)
        return "durable", page(200, _DONE, {DURABLE: interactions[0].document["uid"]})
