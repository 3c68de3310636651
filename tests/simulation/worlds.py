"""What a seed draws before anything happens: the action lists in two versions, and who is there."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final
from uuid import UUID

from schemas.action_lists import EXECUTOR_OF
from schemas.topics import RECORD_EXECUTORS

Json = dict[str, Any]

TYPES: Final = {"city": "text", "visits": "number", "seen": "datetime", "industry": "text"}
KINDS: Final = {"link": "redirect_link", "mail": "list_email", "prospect": "prospect"}
TYPES_OF: Final = {"link": ("redirect_link.clicked",), "mail": ("list_email.opened", "list_email.unsubscribed")}
_TAGS: Final = ("hot", "Hot", "vip", "new")
_RECORD_TRIGGERS: Final = (
    "created", "updated", "tag_added", "tag_removed", "score_changed", "owner_changed", "converted", "list_joined",
)  # fmt: skip


def _rule(field: str, operator: str, value: Any = None) -> Json:
    return {"combinator": "and", "rules": [{"field": field, "operator": operator, "value": value}]}


_CRITERIA: Final = (
    None,
    None,
    None,
    _rule("original.tags", "anyOf", ["hot"]),
    _rule("original.tags", "noneOf", ["vip"]),
    _rule("original.score", ">=", 8),
    _rule("original.score", "<", 4),
    _rule("original.owner", "null"),
    _rule("original.city", "=", "rome"),
    _rule("original.lead_id", "notNull"),
)
_CHANGES: Final[Sequence[tuple[str, Json]]] = (
    ("add_tags", {"tags": ["Hot"]}),
    ("add_tags", {"tags": ["vip", "new"]}),
    ("remove_tags", {"tags": ["hot"]}),
    ("adjust_score", {"op": "add", "amount": 5}),
    ("adjust_score", {"op": "subtract", "amount": 3, "min": 0}),
    ("adjust_score", {"op": "set", "amount": 7}),
    ("assign_owner", {"user": "ann"}),
    ("assign_owner", {"pool": ["ann", "bob", "cy"], "overwrite": "always"}),
    ("change_field_value", {"field": "city", "op": "set", "value": "Rome"}),
    ("change_field_value", {"field": "city", "op": "append", "value": "Oslo"}),
    ("change_field_value", {"field": "city", "op": "clear"}),
    ("change_field_value", {"field": "visits", "op": "increment", "value": 1.5}),
    ("change_field_value", {"field": "city", "op": "copy", "from": "original.owner"}),
    ("add_to_list", {"lists": ["news"]}),
    ("remove_from_list", {"lists": ["news"]}),
    ("convert_to_lead", {}),
)
_OUTSIDE: Final = ("fire_webhook", {"url": "https://example.com/"})
_FREQUENCIES: Final = ("every", "every", "every", {"once": True}, {"first": 2})


def _actions(random: Random, prefix: str, triggers: Sequence[str], changes: Sequence[tuple[str, Json]]) -> list[Json]:
    actions = []
    for number in range(random.randint(1, 4)):
        kind, params = random.choice(changes)
        action = {
            "id": f"{prefix}{number}",
            "name": "An action",
            "trigger": random.choice(triggers),
            "type": kind,
            "params": params,
            "frequency": random.choice(_FREQUENCIES),
        }
        criteria = random.choice(_CRITERIA)
        actions.append(action if criteria is None else {**action, "criteria": criteria})
    return actions


def draw_lists(random: Random) -> dict[tuple[str, int], list[Json]]:
    """Draw every version of every list. They leave it to a few executors: fewer processes, more worlds."""
    few = random.sample(RECORD_EXECUTORS, k=random.choice((1, 2, 2, 3)))
    changes = [change for change in _CHANGES if EXECUTOR_OF[change[0]] in few] * 2 + [_OUTSIDE]
    lists = {}
    for version in (1, 2):
        for asset, names in TYPES_OF.items():
            lists[asset, version] = _actions(random, asset, [name.partition(".")[2] for name in names], changes)
        lists["prospect", version] = _actions(random, "p", _RECORD_TRIGGERS, changes)
    return lists


def draw_prospects(random: Random, count: int) -> list[str]:
    """Draw ids."""
    return [str(UUID(int=random.getrandbits(128), version=4)) for _ in range(count)]
