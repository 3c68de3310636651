"""Makes a marketer's HTML ready for mail programs when it is saved: style sheets are written into the elements, for many
programs read no others, and Liquid is where it was.

An HTML parser knows no Liquid and moves what may not stand where it stands: text between the rows of a table goes before the
table. So what prints is a word meanwhile, and a tag of Liquid in flowing content a comment, which may stand anywhere. Whether
each is where it was is looked at afterwards.

Source: https://html.spec.whatwg.org/multipage/parsing.html#foster-parent; styles by css-inline, which here loads nothing.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from css_inline import CSSInliner, InlineError

from core.markup import Piece, pieces, values

READY_MAX_LENGTH: Final = 240_000
"""Below what a template may render to."""

_LIQUID: Final = re.compile(
    r"\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}"
    r"|\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}"
    r"|\{\{.*?\}\}|\{%.*?%\}",
    re.DOTALL,
)
_DOCUMENT: Final = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)
"""What has none of these is wrapped up: a parser would begin the body inside of a branch of Liquid."""
_IMPLIED: Final = re.compile(r"</?tbody>")
_CLOSED: Final = re.compile(r"</(a|b|center|div|em|font|h[1-6]|i|span|strong|table|u)\s*>", re.IGNORECASE)
"""The ends that a parser adds where they are missing, and the author meant to write."""
_INLINER: Final = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


class MarkupError(ValueError):
    """HTML that cannot be made ready. Its text says why."""


@dataclass(slots=True)
class Placeholders:
    """Words that stand for the Liquid of one text, which has nothing like them."""

    prefix: str
    hidden: list[str] = field(default_factory=list)

    def word(self, liquid: str) -> str:
        """Return the word that stands for this from now on."""
        self.hidden.append(liquid)
        return f"{self.prefix}{len(self.hidden) - 1}x"

    def found(self, text: str) -> list[int]:
        """Return the numbers of the words in a text, as they follow each other."""
        return [int(number) for number in re.findall(rf"{self.prefix}(\d+)x", text)]

    def is_tag(self, number: int) -> bool:
        """Say whether this one prints nothing itself."""
        return self.hidden[number].startswith("{%")

    def restored(self, text: str) -> str:
        """Return the text with its Liquid."""
        word = rf"{self.prefix}(\d+)x"
        return re.sub(rf"<!--{word}-->|{word}", lambda match: self.hidden[int(match[1] or match[2])], text)


def hide_liquid(html: str) -> tuple[str, Placeholders]:
    """Return the HTML with words for its Liquid."""
    lower, number = html.lower(), 0
    while f"lq{number}q" in lower:
        number += 1
    placeholders = Placeholders(f"lq{number}q")
    return _LIQUID.sub(lambda match: placeholders.word(match[0]), html), placeholders


def prepare_html(html: str) -> str:
    """Return HTML with its styles in its elements, and its Liquid as it was. Raises MarkupError."""
    hidden, placeholders = hide_liquid(html)
    whole = hidden if _DOCUMENT.search(hidden) else f"<!DOCTYPE html><html><head></head><body>{hidden}</body></html>"
    parsed = [_protected(piece, placeholders) for piece in pieces(whole)]
    try:
        inlined = _INLINER.inline("".join(piece.source for piece in parsed))
    except InlineError:
        raise MarkupError("has a style sheet that cannot be read") from None
    if "<tbody" not in hidden.lower():
        inlined = _IMPLIED.sub("", inlined)  # it would begin inside of a loop over rows, and end behind it
    styled = {number for piece in parsed if piece.name == "style" for number in placeholders.found(piece.source)}
    if _sequence(parsed, placeholders, styled) != _sequence(pieces(inlined), placeholders, styled):
        raise MarkupError("has Liquid where HTML cannot keep it, such as in what no element may contain")
    if any(map(placeholders.is_tag, range(len(placeholders.hidden)))) and _ends(hidden) != _ends(inlined):
        raise MarkupError("has elements that do not end in the branch or loop of Liquid in which they begin")
    ready = placeholders.restored(inlined)
    if len(ready) > READY_MAX_LENGTH:
        raise MarkupError(f"is longer than {READY_MAX_LENGTH} characters once its styles are in its elements")
    return ready


def _ends(html: str) -> Counter[str]:
    return Counter(name.lower() for name in _CLOSED.findall(html))


def _protected(piece: Piece, placeholders: Placeholders) -> Piece:
    tags = [number for number in placeholders.found(piece.source) if placeholders.is_tag(number)]
    match piece.kind:
        case "text":
            return Piece("text", _commented(piece.source, placeholders))
        case "tag":
            _refuse_bare_liquid(piece.source, placeholders)
        case "raw" if piece.name == "style" and tags:
            return Piece("comment", f"<!--{placeholders.word(placeholders.restored(piece.source))}-->")
        case _:
            pass
    return piece


def _commented(text: str, placeholders: Placeholders) -> str:
    return re.sub(
        rf"{placeholders.prefix}(\d+)x",
        lambda match: f"<!--{match[0]}-->" if placeholders.is_tag(int(match[1])) else match[0],
        text,
    )


def _refuse_bare_liquid(tag: str, placeholders: Placeholders) -> None:
    outside, end = "", 0
    for _, start, stop in values(tag):
        outside, end = outside + tag[end:start], stop
    bare = placeholders.found(outside + tag[end:])
    if bare:
        raise MarkupError(f"has Liquid inside a tag, but in no attribute's value: {placeholders.hidden[bare[0]][:80]}")


def _sequence(parsed: Sequence[Piece] | Iterator[Piece], placeholders: Placeholders, apart: set[int]) -> list[int]:
    """Return the words' numbers in the order of the document; inside one tag, attributes have no order."""
    found = []
    for piece in parsed:
        if piece.name != "style":
            numbers = [number for number in placeholders.found(piece.source) if number not in apart]
            found += sorted(numbers) if piece.kind == "tag" else numbers
    return found
