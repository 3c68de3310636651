"""Who a request is taken for: a person or a machine that looks ahead. A verdict annotates and never discards.

No header proves a person: a scanner that drives a browser sends what the browser sends. So what is no known machine is
`unknown`, and `human` is left to trackers that know more.

Sources: `Sec-Purpose` of the Fetch standard (its predecessors `Purpose` of WebKit and `X-Moz` of Firefox), `X-Purpose` of
Safari's previews; the user agents that link previews, mail scanners and image proxies name themselves by.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal

Verdict = Literal["prefetch", "scanner", "proxy_open", "unknown"]

_PURPOSES: Final = ("Sec-Purpose", "Purpose", "X-Moz", "X-Purpose")
_AGENTS_KEPT_MAX: Final = 1024
"""Of at most 8 KiB, and people's are alike."""
_AHEAD: Final = frozenset({"prefetch", "prerender", "preview"})
_IMAGE_PROXY: Final = re.compile(r"GoogleImageProxy|YahooMailProxy", re.IGNORECASE).search
_SCANNER: Final = re.compile(
    r"(?<!cu)bot\b|crawler|spider|scanner|preview|facebookexternalhit|facebookcatalog|whatsapp|embedly|iframely"
    r"|proofpoint|mimecast|barracuda|symantec|messagelabs|cloudmark|trendmicro|fortiguard|urldefense|safelinks"
    r"|headlesschrome|phantomjs|python-requests|python-urllib|go-http-client",
    re.IGNORECASE,
).search
"""`cubot` is a make of telephones."""


def verdict(headers: Mapping[str, str]) -> tuple[Verdict, str | None]:
    """Judge a request by its headers, whose names are compared without case; say by which of them, None where by none."""
    for name in _PURPOSES:
        if name in headers and (purpose := headers[name].partition(";")[0].strip().lower()) in _AHEAD:
            return "prefetch", f"{name}: {purpose}"
    return _of_agent(headers.get("User-Agent", ""))


@lru_cache(maxsize=_AGENTS_KEPT_MAX)
def _of_agent(agent: str) -> tuple[Verdict, str | None]:
    if found := _IMAGE_PROXY(agent):
        return "proxy_open", f"User-Agent: {found[0].lower()}"
    if found := _SCANNER(agent):
        return "scanner", f"User-Agent: {found[0].lower()}"
    return "unknown", None
