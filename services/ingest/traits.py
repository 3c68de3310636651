"""What somebody tells of a person: whose record it is, and values for its fields as texts."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from services.ingest.identity import Address, Identifier

_ID_MAX_LENGTH: Final = 255


class Traits(NamedTuple):
    """Whom it is about, texts by names of the catalogue's fields, which of these are to be empty, and whether the person wants
    no more mails."""

    external: Identifier | None
    anonymous: Identifier | None
    address: Address | None
    texts: Mapping[str, list[str]]
    cleared: frozenset[str] = frozenset()
    opted_out: bool = False


def identifier(value: Any, kind: Literal["external", "anonymous"]) -> Identifier | None:
    """Return an id as it may be kept: a text, or a number as some send them."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= _ID_MAX_LENGTH or not value.isprintable():
        return None
    return Identifier(kind, value)


def address_in(value: Any) -> Address | None:
    """Return a text as an address, None for what is none."""
    if not isinstance(value, str):
        return None
    address = Address(value.strip())
    return address if address.well_formed else None


def texts_in(value: Any) -> list[str] | None:
    """Return a text, number or truth, or a list of such, as the texts that a form would have sent; None for anything else."""
    if isinstance(value, list):
        return [_text(each) for each in value if isinstance(each, str | int | float)]
    return [_text(value)] if isinstance(value, str | int | float) else None


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
