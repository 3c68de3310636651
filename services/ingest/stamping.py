"""The interaction that an accepted event becomes: its identity, the versions in force, and the server's time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

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


@dataclass(frozen=True, slots=True)
class Stamped:
    """An interaction as a record: `document` has the attributes of `schemas.interactions.Interaction`, in its order."""

    key: str
    document: dict[str, Any]

    @property
    def value(self) -> bytes:
        """The record's bytes."""
        return orjson.dumps(self.document)


def stamped(item: Posted, key: str, versions: Versions, now: datetime) -> Stamped:
    """Stamp one event, accepted now, for the record key that it belongs to."""
    event = item.event
    document = {
        "specversion": event.specversion,
        "dataschema": DATASCHEMA,
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": instant(event.time),
        "uid": interaction_uid(event.source, event.id),
        "prospectid": key,
        "actionlistversion": versions.newest(event.subject),
        "prospectlistversion": versions.newest(PROSPECT_ASSET_ID),
        "recordedtime": instant(now),
        "data": item.data,
    }
    return Stamped(key, document)


def instant(moment: datetime) -> str:
    """Write an instant in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
