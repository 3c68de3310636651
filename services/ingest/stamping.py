"""The interaction that an accepted event becomes: its identity, the versions in force, and the server's time."""

from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, NamedTuple, Protocol

import orjson

from schemas.identity import interaction_uid
from schemas.interactions import DATASCHEMA
from schemas.triggers import PROSPECT_ASSET_ID
from services.ingest.posted import Posted


class Versions(Protocol):
    """The newest versions that are known here."""

    def newest(self, asset_id: str) -> int:
        """Return the newest version of an asset's list, 0 when it has none."""
        ...


class ReadVersions(NamedTuple):
    """Those of one asset and of the record triggers, as a transaction has read them."""

    asset_id: str
    version: int
    prospect_version: int

    def newest(self, asset_id: str) -> int:
        """Return the newest version of an asset's list."""
        return self.prospect_version if asset_id == PROSPECT_ASSET_ID else self.version


class Stamped(NamedTuple):
    """An interaction as a record: `document` has the attributes of `schemas.interactions.Interaction`, in its order."""

    key: str
    document: dict[str, Any]

    @property
    def value(self) -> bytes:
        """The record's bytes."""
        return orjson.dumps(self.document)


class Stamp:
    """What all that is accepted at one instant, on the same knowledge, is stamped with."""

    def __init__(self, versions: Versions, now: datetime) -> None:
        self._versions, self._now = versions, instant(now)
        self._prospect_version = versions.newest(PROSPECT_ASSET_ID)

    def posted(self, item: Posted, key: str) -> Stamped:
        """Stamp an event that somebody else has seen, for the record key that it belongs to."""
        event = item.event
        return self._stamped(event.id, event.source, event.type, event.subject, instant(event.time), key, item.data)

    def seen(self, source: str, kind: str, subject: str, key: str, data: dict[str, Any]) -> Stamped:
        """Stamp what one of our own doors sees at that instant."""
        return self._stamped(token_hex(16), source, kind, subject, self._now, key, data)

    def told(
        self, source: str, event_id: str, kind: str, subject: str, time: datetime, key: str, data: dict[str, Any]
    ) -> Stamped:
        """Stamp what one of our own doors is told by somebody who names it: told again, it has the same uid."""
        return self._stamped(event_id, source, kind, subject, instant(time), key, data)

    def _stamped(
        self, event_id: str, source: str, kind: str, subject: str, time: str, key: str, data: dict[str, Any]
    ) -> Stamped:
        document = {
            "specversion": "1.0",
            "dataschema": DATASCHEMA,
            "id": event_id,
            "source": source,
            "type": kind,
            "subject": subject,
            "time": time,
            "uid": interaction_uid(source, event_id),
            "prospectid": key,
            "actionlistversion": self._versions.newest(subject),
            "prospectlistversion": self._prospect_version,
            "recordedtime": self._now,
            "data": data,
        }
        return Stamped(key, document)


def instant(moment: datetime) -> str:
    """Write an instant in UTC with microseconds."""
    text = orjson.dumps(moment.astimezone(UTC), option=orjson.OPT_UTC_Z)[1:-1].decode()
    return text if moment.microsecond else f"{text[:-1]}.000000Z"
