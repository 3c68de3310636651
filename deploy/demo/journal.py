"""The demo's own log: all that it saved, sent and was answered, in the words of the independent model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.demo.observation import Observed
from tests.chaos.model.expect import expect, expect_anonymous
from tests.chaos.model.expectation import Expected, ExpectedInteraction
from tests.chaos.model.forms import Submitted, as_event, mapped
from tests.chaos.model.log import (
    Accepted,
    Changed,
    Consented,
    Created,
    Definitions,
    Entry,
    ProspectLog,
    SavedList,
    consent_of,
    patched,
    record,
)

BUILT_IN_TYPES = dict.fromkeys(
    ("first_name", "last_name", "company", "title", "phone", "industry", "country", "city"), "text"
)
_ANSWERED_WITHIN = timedelta(seconds=60)


@dataclass(slots=True)
class Journal:
    """What the expectation is told from. `run` names the run: source, tags and addresses carry it."""

    run: str
    types: dict[str, str] = field(default_factory=lambda: dict(BUILT_IN_TYPES))
    lists: dict[tuple[str, int], SavedList] = field(default_factory=dict)
    mappings: dict[str, dict[str, str]] = field(default_factory=dict)
    disabled_users: frozenset[str] = frozenset()
    prospect_list_version: int = 0
    prospects: dict[str, ProspectLog] = field(default_factory=dict)
    anonymous: list[Accepted] = field(default_factory=list)
    accepted: int = 0

    @property
    def source(self) -> str:
        """Return the event source of this run: ids of events are its own."""
        return f"demo/{self.run}"

    def saved(self, asset_id: str, version: int, actions: list[dict[str, Any]]) -> None:
        """Note a saved version of a list."""
        self.lists[asset_id, version] = SavedList(actions, self.disabled_users)

    def created(self, prospect_id: str, posted: Mapping[str, Any]) -> None:
        """Note a created prospect, by what was posted: an answer may show what somebody else wrote meanwhile."""
        entry = Created(record(posted), self.prospect_list_version, _now())
        self.prospects[prospect_id] = ProspectLog(prospect_id, [entry])

    def changed(
        self, prospect_id: str, changes: Mapping[str, Any], version: int, recorded: Mapping[str, datetime]
    ) -> None:
        """Note a change by hand, which made `version` of the record as it must have been. `recorded` as in `expected`."""
        values = patched(self.expected(prospect_id, recorded).record, changes)
        entry = Changed(values, version, self.prospect_list_version, _now())
        self.prospects[prospect_id].entries.append(entry)

    def was_accepted(self, event: Mapping[str, Any], version: int) -> None:
        """Note an accepted event with the version that ingest stamped."""
        entry = Accepted(event, version, self.prospect_list_version, _now())
        self.accepted += 1
        if "anonymousid" in event:
            self.anonymous.append(entry)
        else:
            entries = self.prospects[event["prospectid"]].entries
            if (consent := consent_of(event)) is not None:
                entries.append(Consented(consent, entry.recorded))
            entries.append(entry)

    def submitted(
        self, prospect_id: str, uid: str, asset_id: str, form: Submitted, version: int, recorded: Mapping[str, datetime]
    ) -> None:
        """Note a submitted form: a change of the record as it must have been at `version`, if it is one, and the event."""
        before = self.expected(prospect_id, recorded).record
        values = patched(before, {"fields": mapped(form, self.mappings[asset_id], self.types)})
        entries, listed, now = self.prospects[prospect_id].entries, self.prospect_list_version, _now()
        if values != before:
            entries.append(Changed(values, version + 1, listed, now, by=f"form:{asset_id}"))
        event = {"uid": uid, "source": f"form:{asset_id}", "type": "form.submitted", "subject": asset_id}
        newest = max(saved for asset, saved in self.lists if asset == asset_id)
        entries.append(Accepted({**event, "data": {"form": as_event(form)}}, newest, listed, now))
        self.accepted += 1

    def definitions(self) -> Definitions:
        """Return the lists and types that were saved."""
        return Definitions(self.types, self.lists)

    def expected(self, prospect_id: str, recorded: Mapping[str, datetime]) -> Expected:
        """Tell what must have become of a prospect. `recorded` has the acceptance instants that ingest gave, by uid."""
        entries = [_at(entry, recorded) for entry in self.prospects[prospect_id].entries]
        return expect(ProspectLog(prospect_id, entries), self.definitions())

    def uids(self, prospect_id: str, observed: Observed) -> set[str]:
        """Tell which interactions must be there, as of the acceptance instants that were observed."""
        return {interaction.uid for interaction in self.expected(prospect_id, observed.recorded).interactions}

    def misdated(self, prospect_id: str, recorded: Mapping[str, datetime]) -> Iterator[str]:
        """Yield a sentence for every acceptance instant that is not the one at which the answer came."""
        for entry in self.prospects[prospect_id].entries:
            if isinstance(entry, Accepted):
                stamped = recorded.get(entry.uid, entry.recorded)
                if abs(stamped - entry.recorded) > _ANSWERED_WITHIN:
                    yield f"{entry.event['type']} {entry.uid} has {stamped} for {entry.recorded}"

    def expected_anonymous(self) -> list[ExpectedInteraction]:
        """Tell what must have become of the interactions of nobody known."""
        definitions = self.definitions()
        return [expect_anonymous(entry, definitions) for entry in self.anonymous]


def _at(entry: Entry, recorded: Mapping[str, datetime]) -> Entry:
    if not isinstance(entry, Accepted):
        return entry
    return replace(entry, recorded=recorded.get(entry.uid, entry.recorded))


def _now() -> datetime:
    return datetime.now(UTC)
