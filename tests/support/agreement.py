"""The machine and the independent model, told of the same log: where do they disagree?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import orjson

from core.explain import explain
from core.values import from_document, to_document
from deploy.demo.differences import differences, unexplained
from deploy.demo.observation import Observed
from schemas.identity import interaction_uid
from tests.chaos.model.expect import expect
from tests.chaos.model.log import Accepted, Changed, Created, Definitions, Entry, ProspectLog, Record, SavedList
from tests.support.simulation import NOW, World, action_list

Lists = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]
_START = datetime.fromisoformat(NOW).astimezone(UTC)
_UNKNOWN_END = "ended ?, expected"
"""The simulation keeps no outcomes: they are compared where a database is."""


class Agreement:
    """`lists` are by asset and version; the record triggers' list is version 1 of `prospect` for changes by hand."""

    def __init__(
        self, lists: Lists, kinds: Mapping[str, str], types: Mapping[str, str], disabled: Sequence[str]
    ) -> None:
        more: dict[str, Any] = {"types": dict(types), "disabled_users": list(disabled)}
        self.world = World(
            action_list(asset, kinds[asset], actions, version, **more) for (asset, version), actions in lists.items()
        )
        saved = {key: SavedList(actions, frozenset(disabled)) for key, actions in lists.items()}
        self.definitions = Definitions(types, saved)
        self.logs: dict[str, ProspectLog] = {}

    def create(self, prospect_id: str, values: Record) -> None:
        """Create a prospect."""
        self.logs[prospect_id] = ProspectLog(prospect_id, [Created(values, 1, _START)])
        self.world.create(prospect_id, from_document(values))

    def accept(
        self,
        prospect_id: str,
        event: Mapping[str, Any],
        *,
        version: int = 1,
        prospect_version: int = 1,
        recorded: datetime = _START,
    ) -> None:
        """Accept an event with these stamps."""
        self._note(prospect_id, Accepted(event, version, prospect_version, recorded))
        stamps = {
            "uid": interaction_uid(event["source"], event["id"]),
            "actionlistversion": version,
            "prospectlistversion": prospect_version,
            "recordedtime": recorded.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }
        self.world.accept(prospect_id, 0, **event, **stamps)

    def change(self, prospect_id: str, changes: Record) -> None:
        """Change a record by hand, when all before it has taken effect: fields are merged, null clears one."""
        self.world.settle()
        row = self.world.rows[prospect_id]
        values = to_document(row.values)
        fields = {**values["fields"], **changes.get("fields", {})}
        values |= {**changes, "fields": {name: value for name, value in fields.items() if value is not None}}
        row.change(from_document(values))
        self._note(prospect_id, Changed({**values, "tags": list(values["tags"])}, row.version, 1, _START))

    def disagreements(self) -> list[str]:
        """Let everything settle and return what the two tell differently."""
        self.world.settle()
        return [
            text for prospect_id in self.logs for text in self._differences(prospect_id) if _UNKNOWN_END not in text
        ]

    def _note(self, prospect_id: str, entry: Entry) -> None:
        self.logs[prospect_id].entries.append(entry)

    def _differences(self, prospect_id: str) -> Iterator[str]:
        expected = expect(self.logs[prospect_id], self.definitions)
        decisions = {
            decision["uid"]: decision
            for decision in map(orjson.loads, self.world.decisions.values())
            if decision["prospect_id"] == prospect_id
        }
        yield from differences(expected, self._observed(prospect_id, decisions))
        for interaction in expected.interactions:
            if decision := decisions.get(interaction.uid):
                explained = {"actions": self._explained(decision)}
                yield from unexplained(interaction, {"status": "decided", "decision": explained})

    def _observed(self, prospect_id: str, decisions: Mapping[str, dict[str, Any]]) -> Observed:
        values = to_document(self.world.rows[prospect_id].values)
        lists = [{"id": name, "status": status} for name, status in values["lists"].items()]
        fired = self._fired()
        timeline = {uid: self._entry(decision, fired) for uid, decision in decisions.items()}
        return Observed(timeline, {**values, "tags": list(values["tags"]), "lists": lists})

    def _fired(self) -> dict[str, list[tuple[str, str]]]:
        """Return the commands that were emitted, by uid: id and action."""
        fired: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for command in chain.from_iterable(self.world.queues.values()):
            fired[command["uid"]].append((command["id"], command["action_id"]))
        return fired

    def _entry(self, decision: dict[str, Any], fired: Mapping[str, list[tuple[str, str]]]) -> dict[str, Any]:
        return {
            **{name: decision[name] for name in ("uid", "type", "asset_id", "recordedtime")},
            "depth": decision.get("depth", 0),
            "derived": list(decision.get("derived", ())),
            "decision": {"version": decision["version"], "reason": decision.get("reason")},
            "commands": [
                {"id": id_, "action_id": name, "outcome": {"state": "?"}}
                for id_, name in fired.get(decision["uid"], ())
            ],
        }

    def _explained(self, decision: Mapping[str, Any]) -> list[dict[str, Any]]:
        if decision["version"] == 0:
            return []
        return explain(decision, self.world.definitions.list(decision["asset_id"], decision["version"]))
