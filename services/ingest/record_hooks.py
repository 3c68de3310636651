"""Record hooks: what a CRM, or a tool between it and us, tells of its records in its own words, read by pointers."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from core.pointers import pointed
from services.ingest.identity import Identifier
from services.ingest.segment import Ignored
from services.ingest.traits import Traits, address_in, identifier, texts_in

_NO: Final = frozenset({"", "0", "f", "false", "n", "no", "off"})
"""What CRMs write where somebody has not opted out."""


class RecordHook(NamedTuple):
    """Where in a CRM's record stands what: JSON pointers, those of `mapping` by the catalogue's fields. `records` points to
    the record, or to an array of records, in what is sent."""

    id: str
    records: str
    external_id: str | None
    email: str | None
    opted_out: str | None
    mapping: Mapping[str, str]


def records_in(hook: RecordHook, document: Any) -> list[Any]:
    """Return the records that were sent; none where the pointer leads nowhere."""
    found = _at(document, hook.records)
    if found is _ABSENT:
        return []
    return found if isinstance(found, list) else [found]


def told(hook: RecordHook, record: Any) -> Traits:
    """Return what a record says. What is absent stays as it is, `null` empties a field. Raises Ignored if it names nobody."""
    found = _at(record, hook.external_id)
    external: Identifier | None = identifier(found, "external")
    address = address_in(_at(record, hook.email))
    if external is None and address is None:
        raise Ignored("person")
    values = dict(_values(hook, record))
    texts = {field: texts for field, value in values.items() if (texts := texts_in(value)) is not None}
    cleared = frozenset(field for field, value in values.items() if value is None)
    return Traits(external, None, address, texts, cleared, _yes(_at(record, hook.opted_out)))


def _values(hook: RecordHook, record: Any) -> Iterator[tuple[str, Any]]:
    for field, pointer in hook.mapping.items():
        if (value := _at(record, pointer)) is not _ABSENT:
            yield field, value


_ABSENT: Final = object()


def _at(document: Any, pointer: str | None) -> Any:
    if pointer is None:
        return _ABSENT
    try:
        return pointed(document, pointer)
    except KeyError:
        return _ABSENT


def _yes(value: Any) -> bool:
    texts = texts_in(value)
    return texts is not None and any(text.strip().lower() not in _NO for text in texts)
