"""Makes a mail's text part from its HTML, where the marketer wrote none: with its links written out and its Liquid kept.

Tables of mails are layout: their cells follow each other as paragraphs do.
"""

import re
from typing import Final

from inscriptis import Inscriptis
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml import etree
from lxml import html as lxml_html

from core.mail_html import MarkupError, hide_liquid

_LAYOUT: Final = ("table", "thead", "tbody", "tfoot", "tr", "td", "th")
_CONFIG: Final = ParserConfig(css=CSS_PROFILES["strict"], display_images=True)
_UNWRITABLE: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no text of a document may hold, although an attribute may come with it. Source: XML 1.0, 2.2."""
_BLANK_LINES: Final = re.compile(r"\n{3,}")


def text_of_html(html: str) -> str:
    """Return the text. Raises MarkupError where there is none to be had."""
    hidden, placeholders = hide_liquid(html)
    try:
        tree = lxml_html.fromstring(f"<html><body>{hidden}</body></html>")
    except (etree.ParserError, etree.XMLSyntaxError):
        raise MarkupError("has no text") from None
    for link in tree.iter("a"):
        address = _UNWRITABLE.sub("", link.get("href") or "").strip()
        if address and not address.startswith("#"):
            written = etree.SubElement(link, "span")
            written.text = f" <{address.removeprefix('mailto:')}>"
    for element in tree.iter(*_LAYOUT):
        element.tag = "div"
    lines = (line.strip() for line in str(Inscriptis(tree, _CONFIG).get_text()).splitlines())
    tag = "|".join(f"{placeholders.prefix}{n}x" for n in range(len(placeholders.hidden)) if placeholders.is_tag(n))
    text = "\n".join(lines).strip() + "\n"
    if tag:
        text = re.sub(rf"^((?:{tag})+)\n", r"\1", text, flags=re.MULTILINE)
    return placeholders.restored(_BLANK_LINES.sub("\n\n", text))
