"""Ids for what a client did not name: short, readable, and drawn, so that two of the same name do not meet."""

import re
import secrets
from typing import Final

_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_DRAWN: Final = 6
_SLUG_MAX: Final = 40
_NOT_PLAIN: Final = re.compile(r"[^a-z0-9]+")


def new_id(name: str) -> str:
    """Return an id made of the name's plain letters and six drawn ones, `pricing-page-k3x9qa`."""
    slug = _NOT_PLAIN.sub("-", name.lower())[:_SLUG_MAX].strip("-")
    drawn = "".join(secrets.choice(_LETTERS) for _ in range(_DRAWN))
    return f"{slug}-{drawn}" if slug else drawn
