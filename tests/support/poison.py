"""Poison for a topic: what nobody can carry out, next to what a record of it looks like."""

import json
from collections.abc import Mapping
from typing import Any, Final

Json = Mapping[str, Any]

BAD_JSON: Final = b'{"schema": 1, "half'
TOMBSTONE: Final = None
READ_MAX_BYTES: Final = 512 * 1024
RECORD_MAX_BYTES: Final = 1024 * 1024
_RECORD_OVERHEAD_BYTES: Final = 512


def poison(document: Json, *, type_key: str, schema_key: str, text_key: str) -> dict[str, bytes | None]:
    """Return each kind of poison by its name, made of a good record; `text_key` names where a long text may stand."""
    return {
        "bad JSON": BAD_JSON,
        "no object": b'["a", "list"]',
        "unknown type": _bytes({**document, type_key: "grow_wings"}),
        "unknown schema": _bytes({**document, schema_key: _later(document[schema_key])}),
        "tombstone": TOMBSTONE,
        "oversize": _grown(document, text_key, READ_MAX_BYTES + 1024),
        "just under what a topic takes": _grown(document, text_key, RECORD_MAX_BYTES - _RECORD_OVERHEAD_BYTES),
    }


def _later(schema: Any) -> Any:
    return 9 if isinstance(schema, int) else str(schema).rpartition(":")[0] + ":9"


def _grown(document: Json, text_key: str, size_bytes: int) -> bytes:
    missing = size_bytes - len(_bytes({**document, text_key: ""}))
    return _bytes({**document, text_key: "x" * missing})


def _bytes(document: Json) -> bytes:
    return json.dumps(document).encode()
