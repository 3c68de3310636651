"""A client's own log: what it saved, what was accepted, what it changed by hand. The only input of the expectation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.chaos.model.identity import interaction_uid

Record = dict[str, Any]
"""A prospect's values: email, score, owner, tags, lists (id -> status), consent, lead_id, fields."""


def record(values: Mapping[str, Any]) -> Record:
    """Return the values of a prospect in the API's form as a record; what is absent has its default."""
    lists = [
        item if isinstance(item, dict) else {"id": item, "status": "subscribed"} for item in values.get("lists", ())
    ]
    return {
        "email": values.get("email"),
        "score": values.get("score", 0),
        "owner": values.get("owner"),
        "tags": list(values.get("tags", ())),
        "lists": {item["id"]: item["status"] for item in lists},
        "consent": values.get("consent", "none"),
        "lead_id": values.get("lead_id"),
        "fields": dict(values.get("fields", {})),
    }


def patched(before: Record, changes: Mapping[str, Any]) -> Record:
    """Return a record after a PATCH: fields are merged, null clears one; everything else is replaced."""
    fields = {**before["fields"], **changes.get("fields", {})}
    kept = {name: value for name, value in fields.items() if value is not None}
    given = record(changes)
    return {**before, **{name: given[name] for name in changes if name != "fields"}, "fields": kept}


@dataclass(frozen=True, slots=True)
class SavedList:
    """One version of an asset's list, as saved, and which users were disabled then."""

    actions: Sequence[Mapping[str, Any]]
    disabled_users: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Definitions:
    """`types` are those of the catalogue's fields; `lists` has every saved version by asset and version."""

    types: Mapping[str, str]
    lists: Mapping[tuple[str, int], SavedList]

    def at(self, asset_id: str, version: int) -> SavedList:
        """Return a version. Version 0: the asset has no list yet."""
        return SavedList(()) if version == 0 else self.lists[asset_id, version]


@dataclass(frozen=True, slots=True)
class Created:
    """The prospect was created by a person or a system, which raises record triggers."""

    values: Record
    prospect_list_version: int
    recorded: datetime
    by: str = "api"


@dataclass(frozen=True, slots=True)
class Changed:
    """Another writer than an action changed the record to `values`, when all before it had taken effect.

    `version` is the record's version after the change, as answered.
    """

    values: Record
    version: int
    prospect_list_version: int
    recorded: datetime
    by: str = "api"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An interaction got its 202, which echoed `version`; posted again, it stands here again.

    A submitted form and a link that was followed have no id of the client's: their events have the `uid` that was answered.
    """

    event: Mapping[str, Any]
    version: int
    prospect_list_version: int
    recorded: datetime

    @property
    def uid(self) -> str:
        """What identifies it."""
        return str(self.event.get("uid") or interaction_uid(self.event["source"], self.event["id"]))


@dataclass(frozen=True, slots=True)
class Consented:
    """An interaction that is accepted next says less consent, which is the record's as soon as it is answered. It raises nothing."""

    consent: str
    recorded: datetime


CONSENT_OF = {"list_email.unsubscribed": "unsubscribed", "list_email.complained": "complained"}
"""What posted events say of consent; a bounce says it where its data has `bounce` as `hard`."""
_LESS = ("none", "granted", "unsubscribed", "bounced", "complained")


def consent_of(event: Mapping[str, Any]) -> str | None:
    """Return the consent that an event says, None for none. All mail is meant: `data.list` is not played."""
    if event["type"] == "list_email.bounced" and event.get("data", {}).get("bounce") == "hard":
        return "bounced"
    return CONSENT_OF.get(event["type"])


def consented(before: Record, consent: str) -> Record:
    """Return a record after it is said: never more than before."""
    return {**before, "consent": max(before["consent"], consent, key=_LESS.index)}


Entry = Created | Changed | Accepted | Consented


@dataclass(slots=True)
class ProspectLog:
    """One prospect's entries, in the order in which they were answered."""

    prospect_id: str
    entries: list[Entry] = field(default_factory=list)
