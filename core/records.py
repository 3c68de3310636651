"""What the log of interactions holds, decoded: interactions and snapshots, or a clear reason why not."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final

import orjson
from msgspec import Struct

from core.values import Values, from_document
from schemas import interactions, snapshots
from schemas.outcomes import DeadReason
from schemas.triggers import INTERACTION_TYPES

RECORD_MAX_BYTES: Final = 512 * 1024
ANONYMOUS: Final = "anon:"
"""What the key of somebody not yet known begins with."""

_TRIGGERS: Final = {kind: kind.partition(".")[2] for kind in INTERACTION_TYPES}
_FROM_OUTSIDE: Final = frozenset(kind for kind in INTERACTION_TYPES if not kind.startswith("prospect."))


class Refused(Exception):
    """A record that ends as a dead letter. `error` names what is wrong, never the payload."""

    def __init__(self, reason: DeadReason, error: str, *, uid: str | None = None) -> None:
        super().__init__(error)
        self.reason: DeadReason = reason
        self.error = error
        self.uid = uid
        self.withheld = False
        """Whether the dead letter must not hold the record's bytes: the prospect was erased."""


class RecordChange(Struct, frozen=True, gc=False):
    """What changed in a prospect's record, as `event.*` of a `prospect` trigger shows it."""

    before: Values
    after: Values
    by: str
    tags: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    delta: int | None = None


class Interaction(Struct, frozen=True, gc=False):
    """One interaction, from the log or derived in a step. `time` and `recordedtime` stay as the texts they came as."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    uid: str
    prospect_id: str
    version: int
    prospect_version: int
    recordedtime: str
    recorded_ms: int
    data: Mapping[str, Any] = {}
    depth: int = 0
    caused_by: str | None = None
    change: RecordChange | None = None

    @property
    def trigger(self) -> str:
        """The bare trigger: `clicked`."""
        return _TRIGGERS[self.type]


class Snapshot(Struct, frozen=True, gc=False):
    """A prospect's values at one version; `before` and `by` when another writer than an executor changed it."""

    prospect_id: str
    version: int
    values: Values
    marks: Mapping[str, int]
    prospect_version: int
    recordedtime: str
    recorded_ms: int
    raises: bool
    before: Values | None
    by: str
    depth: int
    caused_by: str | None
    erased: bool


def milliseconds(instant: str) -> int:
    """Return the Unix time of an RFC 3339 instant. Raises ValueError when it has no zone or is none."""
    moment = datetime.fromisoformat(instant)
    if moment.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return (moment - _EPOCH) // _MILLISECOND


def instant(unix_ms: int) -> str:
    """Return a Unix time in milliseconds as an RFC 3339 instant in UTC. Raises OverflowError outside the years 1 to 9999."""
    moment = _EPOCH + timedelta(milliseconds=unix_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch


def json_object(value: bytes | None) -> dict[str, Any]:
    """Return what a record's bytes say. Raises Refused when they are no JSON object."""
    if value is None:
        raise Refused("malformed", "a tombstone: this topic has none")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise Refused("malformed", "not JSON") from None
    if not isinstance(document, dict):
        raise Refused("malformed", "not a JSON object")
    return document


def decode(value: bytes | None) -> Interaction | Snapshot:
    """Read one record of `finish.interactions.v1`. Raises Refused with the dead letter's reason."""
    if value is not None and len(value) > RECORD_MAX_BYTES:
        raise Refused("oversize", f"{len(value)} bytes, at most {RECORD_MAX_BYTES} are read")
    document = json_object(value)
    try:
        return _read(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        uid = document.get("uid")
        raise Refused(
            "malformed", f"missing or wrong: {_named(error)}", uid=uid if isinstance(uid, str) else None
        ) from None


def _named(error: Exception) -> str:
    return str(error.args[0]) if isinstance(error, (KeyError, _WrongError)) else "a value's form"


class _WrongError(ValueError):
    """Carries the name of the wrong attribute."""


def _read(document: dict[str, Any]) -> Interaction | Snapshot:
    kind = document["type"]
    schema = document["dataschema"]
    if kind == snapshots.TYPE:
        if schema != snapshots.DATASCHEMA:
            raise Refused("unknown_schema", "a snapshot of a schema that this version does not read")
        return _snapshot(document)
    if kind not in _FROM_OUTSIDE:
        raise Refused("unknown_type", "a type that this version does not know")
    if schema != interactions.DATASCHEMA:
        raise Refused("unknown_schema", "an interaction of a schema that this version does not read")
    return _interaction(document)


def _text(document: dict[str, Any], name: str) -> str:
    value = document[name]
    if type(value) is not str:
        raise _WrongError(name)
    return value


def _uuid(document: dict[str, Any], name: str) -> str:
    value = _text(document, name)
    if not _UUID(value):
        raise _WrongError(name)
    return value


def _number(document: dict[str, Any], name: str) -> int:
    value = document[name]
    if type(value) is not int or value < 0:
        raise _WrongError(name)
    return value


def _mapping(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document[name]
    if type(value) is not dict:
        raise _WrongError(name)
    return value


_ATTRIBUTES: Final = {
    "id": str,
    "source": str,
    "subject": str,
    "time": str,
    "uid": str,
    "prospectid": str,
    "actionlistversion": int,
    "prospectlistversion": int,
    "recordedtime": str,
    "data": dict,
}
_TYPES: Final = [*_ATTRIBUTES.values()]
_attributes: Final = itemgetter(*_ATTRIBUTES)


def _interaction(document: dict[str, Any]) -> Interaction:
    values = _attributes(document)
    if [*map(type, values)] != _TYPES:
        raise _WrongError(next(name for name, kind in _ATTRIBUTES.items() if type(document[name]) is not kind))
    event_id, source, subject, time, uid, prospect_id, version, prospect_version, recordedtime, data = values
    if not _UUID(uid):
        raise _WrongError("uid")
    if not (_UUID(prospect_id) or prospect_id.startswith(ANONYMOUS)):
        raise _WrongError("prospectid")
    if version < 0 or prospect_version < 0:
        raise _WrongError("actionlistversion" if version < 0 else "prospectlistversion")
    return Interaction(
        event_id,
        source,
        document["type"],
        subject,
        time,
        uid,
        prospect_id,
        version,
        prospect_version,
        recordedtime,
        milliseconds(recordedtime),
        data,
    )


def _snapshot(document: dict[str, Any]) -> Snapshot:
    data = _mapping(document, "data")
    change = data.get("change")
    recordedtime = _text(document, "recordedtime")
    before = change["before"] if change is not None else None
    return Snapshot(
        prospect_id=_uuid(document, "prospectid"),
        version=_number(data, "version"),
        values=from_document(_mapping(data, "values")),
        marks=_mapping(data, "marks"),
        prospect_version=_number(document, "prospectlistversion"),
        recordedtime=recordedtime,
        recorded_ms=milliseconds(recordedtime),
        raises=change is not None,
        before=from_document(before) if before is not None else None,
        by=_text(change, "by") if change is not None else "",
        depth=_number(change, "depth") if change is not None else 0,
        caused_by=change.get("causedby") if change is not None else None,
        erased=data.get("erased", False) is True,
    )
