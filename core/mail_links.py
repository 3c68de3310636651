"""Makes the links of a rendered mail tracked ones, alike in HTML and in text.

Tracked is what leads to a site that the template itself names. Where an address came from a value, such as a name that a
visitor typed into a form, it is left alone: else whoever types could make this workspace's own links lead anywhere.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from html import escape, unescape
from typing import Final
from urllib.parse import quote

from core.markup import Piece, pieces, values

URL_MAX_LENGTH: Final = 4_000
Track = Callable[[str], str | None]
"""Returns the tracked address for a web address, or None where it is to stay."""

_SITE: Final = re.compile(r"https?://([\w.:-]+)(?![\w.:@{%\\-])", re.IGNORECASE)
_WEB: Final = re.compile(r"(https?)://([\w.:-]+)([/?#].*)?", re.IGNORECASE | re.DOTALL)
_KEPT: Final = "!#$%&'()*+,/:;=?@[]~"
_RUNNING: Final = re.compile(r"^\s*(?:javascript|vbscript|data)\s*:", re.IGNORECASE)
_IN_TEXT: Final = re.compile(r"""\bhttps?://[^\s<>"]+""", re.IGNORECASE)
_CLOSING: Final = {")": "(", "]": "[", "}": "{"}
_CONDITIONAL: Final = re.compile(r"(<!--\[if\b[^>]*>)(.*)(<!\[endif\]-->)", re.DOTALL | re.IGNORECASE)


@lru_cache(maxsize=64)
def sites(*templates: str) -> frozenset[str]:
    """Return the hosts, with their ports, that templates name in full."""
    return frozenset(
        match[1].rstrip(".:-").lower() for template in templates for match in _SITE.finditer(unescape(template))
    )


def web_address(text: str, known: frozenset[str]) -> str | None:
    """Return the http or https address that a link has if it leads to a known site, as it goes over the wire."""
    match = _WEB.fullmatch(text.strip())
    if match is None or match[2].lower() not in known:
        return None
    scheme, host, rest = match.groups()
    try:
        url = f"{scheme.lower()}://{host.lower().encode('idna').decode()}{quote(rest or '', safe=_KEPT)}"
    except UnicodeError:
        return None
    return url if len(url) <= URL_MAX_LENGTH else None


def track_html(html: str, track: Track) -> str:
    """Return the HTML with its links tracked, those in Outlook's conditional comments too, and without any that runs."""
    return "".join(_tracked(piece, track) for piece in pieces(html))


def _tracked(piece: Piece, track: Track) -> str:
    if piece.kind == "comment" and (conditional := _CONDITIONAL.fullmatch(piece.source)):
        return conditional[1] + track_html(conditional[2], track) + conditional[3]
    if piece.kind == "tag" and (piece.name in {"a", "area"} or piece.name.startswith("v:")):
        return _tracked_tag(piece.source, track)
    return piece.source


def _tracked_tag(tag: str, track: Track) -> str:
    for name, start, end in values(tag):
        if name == "href":
            address = unescape(tag[start:end].strip("\"'"))
            tracked = "#" if _RUNNING.match(address) else track(address)
            return tag if tracked is None else f'{tag[:start]}"{escape(tracked)}"{tag[end:]}'
    return tag


def track_text(text: str, track: Track) -> str:
    """Return the text with its web addresses tracked."""
    return "".join(_tracked_words(text, track))


def _tracked_words(text: str, track: Track) -> Iterator[str]:
    end = 0
    for match in _IN_TEXT.finditer(text):
        address = _without_punctuation(match[0])
        yield text[end : match.start()]
        yield track(address) or address
        end = match.start() + len(address)
    yield text[end:]


def _without_punctuation(address: str) -> str:
    """Return what a reader takes for the address: a sentence may end behind it, or a bracket close."""
    while address:
        last = address[-1]
        unopened = last in _CLOSING and address.count(last) > address.count(_CLOSING[last])
        if last not in ".,;:!?'*_" and not unopened:
            break
        address = address[:-1]
    return address
