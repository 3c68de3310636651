"""What the doors for browsers do alike: what they note of a request, and their plain pages."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import hdrs, web

from services.chassis.client_address import Network, client_address
from services.ingest.bots import verdict
from services.ingest.browsers import PAGE_HEADERS, USER_AGENT_MAX_LENGTH, header_text

_PAGE: Final = "<!doctype html>\n<title>{0}</title>\n<p>{0}</p>\n"


def seen(request: web.Request, proxies: Sequence[Network], **known: Any) -> dict[str, Any]:
    """Return who asks, as far as the request tells, with what else is known; what is None is left out."""
    forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, ())
    bot, bot_reason = verdict(request.headers)
    found = {
        "ip": client_address(request.remote, forwarded, proxies),
        "user_agent": header_text(request.headers.get(hdrs.USER_AGENT), USER_AGENT_MAX_LENGTH),
        **known,
        "bot": bot,
        "bot_reason": bot_reason,
    }
    return {name: value for name, value in found.items() if value is not None}


def page(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with one constant sentence."""
    return web.Response(
        status=status,
        text=_PAGE.format(sentence),
        content_type="text/html",
        headers={**PAGE_HEADERS, **(headers or {})},
    )
