"""Whom an event is about: a prospect by id or by e-mail address, or somebody not yet known."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from core.text import key
from schemas.addresses import ADDRESS_MAX_LENGTH, ADDRESS_PATTERN
from schemas.interactions import PostedEvent

_ADDRESS: Final = re.compile(ADDRESS_PATTERN).fullmatch
_LOCAL_PART_MAX: Final = 64
"""RFC 5321 §4.5.3.1."""


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address as it came, trimmed. Two with the same `key` are one prospect's."""

    text: str

    @property
    def key(self) -> str:
        """What addresses are compared by, as `text_key` in the database."""
        return key(self.text)

    @property
    def well_formed(self) -> bool:
        """Tell whether it can be an address."""
        return (
            len(self.text) <= ADDRESS_MAX_LENGTH
            and _ADDRESS(self.text) is not None
            and self.text.index("@") <= _LOCAL_PART_MAX
        )


@dataclass(frozen=True, slots=True)
class Identifier:
    """An id of another system, or a mark of a browser. `key` is no address's: it holds a NUL."""

    kind: Literal["external", "anonymous"]
    text: str

    @property
    def key(self) -> str:
        """What it is looked up by."""
        return f"\0{self.kind}:{self.text}"


Named = Address | Identifier
"""What leads to a prospect, if there is one."""


def record_key(event: PostedEvent) -> str | Named | None:
    """Return the key of the interaction's record, or what leads to it, or None: nobody is named.

    Our id says more than another system's, that more than an address, and an address more than a mark of a browser.
    """
    if event.prospectid is not None:
        return str(event.prospectid)
    if event.externalid is not None:
        return Identifier("external", event.externalid)
    address = (event.data.email or "").strip()
    if address:
        return Address(address)
    return None if event.anonymousid is None else Identifier("anonymous", event.anonymousid)
