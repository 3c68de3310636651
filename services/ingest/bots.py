"""Who a request is taken for: a person or a machine that looks ahead. A verdict annotates and never discards.

No header proves a person: a scanner that drives a browser sends what the browser sends. So what is no known machine is
`unknown`, and `human` is left to trackers that know more.

Sources: `Sec-Purpose` of the Fetch standard (its predecessors `Purpose` of WebKit and `X-Moz` of Firefox), `X-Purpose` of
Safari's previews; the user agents that link previews, mail scanners and image proxies name themselves by.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

Verdict = Literal["prefetch", "scanner", "proxy_open", "unknown"]

_PURPOSES: Final = ("Sec-Purpose", "Purpose", "X-Moz", "X-Purpose")
_AHEAD: Final = frozenset({"prefetch", "prerender", "preview"})
_IMAGE_PROXY: Final = re.compile(r"GoogleImageProxy|YahooMailProxy", re.IGNORECASE).search
_SCANNER: Final = re.compile(
    r"(?<!cu)bot\b|crawler|spider|scanner|preview|facebookexternalhit|facebookcatalog|whatsapp|embedly|iframely"
    r"|proofpoint|mimecast|barracuda|symantec|messagelabs|cloudmark|trendmicro|fortiguard|urldefense|safelinks"
    r"|headlesschrome|phantomjs|python-requests|python-urllib|go-http-client",
    re.IGNORECASE,
).search
"""`cubot` is a make of telephones."""


def verdict(headers: Mapping[str, str]) -> Verdict:
    """Judge a request by its headers, whose names are compared without case."""
    if any(headers.get(name, "").partition(";")[0].strip().lower() in _AHEAD for name in _PURPOSES):
        return "prefetch"
    agent = headers.get("User-Agent", "")
    if _IMAGE_PROXY(agent):
        return "proxy_open"
    return "scanner" if _SCANNER(agent) else "unknown"
