"""The job that is measured: prospects, assets with lists of actions, interactions, and how many commands they must lead to.

Every action has three conditions. One reads a field of the record that nothing changes, one the event, and one the score,
which the actions themselves move; the last is always true. So the number of commands has a closed form that knows nothing
of the machine, while the machine must fold every effect to judge. On average two actions fire per interaction.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

import orjson

from schemas.action_lists import EXECUTOR_OF
from schemas.identity import interaction_uid

SOURCE: Final = "bench"
USERS: Final = ("u-0", "u-1", "u-2")
_INDUSTRIES: Final = ("construction", "finance", "health", "retail", "software")
_AMOUNTS: Final = 1000
_FIRED_MEAN: Final = 2
_START: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)
_RECORD: Final = ("add_tags", "adjust_score", "change_field_value", "assign_owner", "add_to_list")
_MIXED: Final = ("add_tags", "adjust_score", "change_field_value", "notify_user", "create_crm_task")
MIXES: Final[Mapping[str, Sequence[str]]] = {"record": _RECORD, "mixed": _MIXED}

Keyed = tuple[bytes, bytes]
"""A record's key and value."""


class Draw(NamedTuple):
    """What chance decides about one interaction."""

    prospect: int
    asset: int
    amount: int


@dataclass(frozen=True)
class Workload:
    """A size. `mix` names the action types in use; two workloads of the same size are the same, byte for byte."""

    interactions: int
    prospects: int = 20_000
    assets: int = 20
    actions: int = 5
    mix: str = "record"

    @property
    def sizes(self) -> dict[str, Any]:
        """Return what makes it, as keyword arguments for another process."""
        return asdict(self)

    @cached_property
    def prospect_ids(self) -> list[str]:
        """The prospects, in order."""
        return [str(uuid5(UUID(int=0), f"bench/{number}")) for number in range(self.prospects)]

    def asset_ids(self) -> list[str]:
        """Return the assets, in order."""
        return [f"asset-{number}" for number in range(self.assets)]

    def values(self, number: int) -> dict[str, Any]:
        """Return a prospect's record as it is before the first interaction."""
        return {
            "email": f"prospect-{number}@example.com",
            "score": number % 50,
            "owner": None,
            "tags": ["imported"],
            "lists": {},
            "consent": "granted",
            "lead_id": None,
            "fields": {"industry": _industry(number), "company": f"Company {number}", "city": "Vienna"},
        }

    def definitions(self) -> Iterator[Keyed]:
        """Write the assets and one version of each list, as the console publishes them."""
        for asset, asset_id in enumerate(self.asset_ids()):
            record = {"schema": 1, "record": "asset", "id": asset_id, "kind": "redirect_link", "name": asset_id}
            settings = {"status": "active", "settings": {"target_url": "https://example.com/landing"}}
            yield f"asset:{asset_id}".encode(), orjson.dumps(record | settings)
            yield f"list:{asset_id}:1".encode(), orjson.dumps(self._list(asset, asset_id))

    def _list(self, asset: int, asset_id: str) -> dict[str, Any]:
        return {
            "schema": 1,
            "record": "action_list",
            "asset_id": asset_id,
            "asset_kind": "redirect_link",
            "version": 1,
            "actions": [self._action(asset, place) for place in range(self.actions)],
            "types": {"industry": "picklist", "title": "text"},
            "disabled_users": [],
            "savedtime": _instant(0),
        }

    def _action(self, asset: int, place: int) -> dict[str, Any]:
        rules = [
            {"field": "original.industry", "operator": "!=", "value": self._excluded(asset, place)},
            {"field": "event.data.amount", "operator": "between", "value": list(self._between(place))},
            {"field": "original.score", "operator": ">=", "value": 0},
        ]
        kind = self._type(place)
        return {
            "id": f"action-{place}",
            "name": f"Action {place}",
            "trigger": "clicked",
            "type": kind,
            "params": _params(kind, asset),
            "criteria": {"combinator": "and", "not": False, "rules": rules},
            "enabled": True,
            "frequency": "every",
        }

    def _type(self, place: int) -> str:
        types = MIXES[self.mix]
        return types[place % len(types)]

    def _excluded(self, asset: int, place: int) -> str:
        return _industry(asset + place)

    def _between(self, place: int) -> tuple[int, int]:
        """Return the lowest and the highest amount for which an action fires."""
        among = self.actions * (len(_INDUSTRIES) - 1) / len(_INDUSTRIES)
        width = round(_AMOUNTS * _FIRED_MEAN / among)
        low = place * (_AMOUNTS - width) // max(self.actions - 1, 1)
        return low, low + width - 1

    def snapshots(self) -> Iterator[Keyed]:
        """Write the first snapshot of every prospect, as the record's trigger and the relay do."""
        for number, prospect_id in enumerate(self.prospect_ids):
            data = {
                "version": 1,
                "writer": "import",
                "values": self.values(number),
                "marks": dict.fromkeys(("tags", "score", "fields", "owner", "lists", "leads"), 0),
                "change": None,
                "erased": False,
            }
            document = {
                "specversion": "1.0",
                "dataschema": "urn:finish:snapshot:1",
                "id": f"{prospect_id}/1",
                "source": "/prospects",
                "type": "prospect.snapshot",
                "subject": prospect_id,
                "time": _instant(0),
                "prospectid": prospect_id,
                "prospectlistversion": 0,
                "recordedtime": _instant(0),
                "data": data,
            }
            yield prospect_id.encode(), orjson.dumps(document)

    def draws(self) -> Iterator[Draw]:
        """Yield what chance decides, the same in every run."""
        random = Random(7).random
        for _ in range(self.interactions):
            yield Draw(int(random() * self.prospects), int(random() * self.assets), int(random() * _AMOUNTS))

    def events(self) -> Iterator[Keyed]:
        """Write the interactions as ingest stamps them, a millisecond apart, without a client address."""
        ids, assets, second = self.prospect_ids, self.asset_ids(), ""
        for number, draw in enumerate(self.draws()):
            if number % 1000 == 0:
                second = _instant(number)[:-5]
            prospect_id, event_id = ids[draw.prospect], f"event-{number}"
            recorded = f"{second}.{number % 1000:03}000Z"
            text = (
                f'{{"specversion":"1.0","dataschema":"urn:finish:interaction:1","id":"{event_id}","source":"{SOURCE}",'
                f'"type":"redirect_link.clicked","subject":"{assets[draw.asset]}","time":"{recorded}",'
                f'"uid":"{interaction_uid(SOURCE, event_id)}","prospectid":"{prospect_id}","actionlistversion":1,'
                f'"prospectlistversion":0,"recordedtime":"{recorded}","data":{{"amount":{draw.amount},'
                f'"user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}}}}'
            )
            yield prospect_id.encode(), text.encode()

    def expected_commands(self) -> Counter[str]:
        """Return how many commands each executor must be sent: the closed form."""
        executors = [EXECUTOR_OF[self._type(place)] for place in range(self.actions)]
        spans = [self._between(place) for place in range(self.actions)]
        asked = [
            [place for place, (low, high) in enumerate(spans) if low <= amount <= high] for amount in range(_AMOUNTS)
        ]
        cases = Counter((_industry(draw.prospect), draw.asset, draw.amount) for draw in self.draws())
        expected: Counter[str] = Counter()
        for (industry, asset, amount), times in cases.items():
            for place in asked[amount]:
                if self._excluded(asset, place) != industry:
                    expected[executors[place]] += times
        return expected


def _industry(number: int) -> str:
    return _INDUSTRIES[number % len(_INDUSTRIES)]


def _instant(after_ms: int) -> str:
    moment = _START + timedelta(milliseconds=after_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _params(kind: str, asset: int) -> dict[str, Any]:
    match kind:
        case "add_tags":
            return {"tags": [f"asset-{asset}"]}
        case "adjust_score":
            return {"op": "add", "amount": 1}
        case "change_field_value":
            return {"field": "title", "op": "set", "value": f"Visitor of {asset}"}
        case "assign_owner":
            return {"pool": list(USERS), "overwrite": "always"}
        case "add_to_list":
            return {"lists": [f"list-{asset % 5}"]}
        case "notify_user":
            return {"to": {"user": USERS[0]}, "channel": "in_app", "subject": "A visit", "text": "{{ event.subject }}"}
        case _:
            return {"title": "Call {{ prospect.email }}", "due": {"in": "P3D"}}


def posted_event(asset_id: str, prospect_id: str, event_id: str) -> dict[str, Any]:
    """Write an interaction as a client posts it."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": "redirect_link.clicked",
        "subject": asset_id,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "prospectid": prospect_id,
        "data": {"amount": 1, "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
    }
