"""How texts are compared: the one mapping that Python and the database (`text_key` in deploy/migrations) agree on."""

from functools import lru_cache
from unicodedata import normalize


@lru_cache(maxsize=65_536)
def key(value: str) -> str:
    """Return `value` trimmed of spaces, in NFC and simple lower case.

    Simple: one character for one (`str.lower` maps U+0130 to two and looks at a sigma's neighbours; PostgreSQL's built-in
    provider does neither).
    """
    trimmed = normalize("NFC", value.strip(" "))
    return trimmed.lower() if trimmed.isascii() else "".join(character.lower()[0] for character in trimmed)
