"""HTML, cut into what its tokens are without being understood: enough to know what stands where."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, cast

Kind = Literal["text", "tag", "comment", "raw", "other"]

_MARKUP: Final = re.compile(
    r"""
      (?P<comment> <!--.*?--> )
    | (?P<raw> <(?P<name>style|script|title|textarea)\b (?:[^>"']|"[^"]*"|'[^']*')*+ > .*? </(?P=name)\s*> )
    | (?P<tag> </?[a-z] (?:[^>"']|"[^"]*"|'[^']*')*+ > )
    | (?P<other> <[!?/][^>]*> )
    """,
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_NAME: Final = re.compile(r"</?([a-z][^\s/>]*)", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""([^\s"'<>/=]+)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of HTML. `raw` is an element whose content is no markup: style, script, title, textarea."""

    kind: Kind
    source: str

    @property
    def name(self) -> str:
        """The element's name in lower case, of a tag or a raw element."""
        match = _NAME.match(self.source)
        return match[1].lower() if match else ""


def pieces(html: str) -> Iterator[Piece]:
    """Yield the pieces, which put together are the HTML again."""
    end = 0
    for match in _MARKUP.finditer(html):
        if match.start() > end:
            yield Piece("text", html[end : match.start()])
        kind = next(name for name in ("comment", "raw", "tag", "other") if match[name] is not None)
        yield Piece(cast("Kind", kind), match[0])
        end = match.end()
    if end < len(html):
        yield Piece("text", html[end:])


def values(tag: str) -> Iterator[tuple[str, int, int]]:
    """Yield a tag's attributes that have a value: the name in lower case, and where the value stands, quotes included."""
    for match in _ATTRIBUTE.finditer(tag):
        yield match[1].lower(), *match.span(2)
