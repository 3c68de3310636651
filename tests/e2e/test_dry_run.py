"""A dry run says what then happens: the same decision, commands and cascade as the real interaction posted after it."""

from itertools import product
from typing import Any, Final

from tests.support.deployment import Deployment
from tests.support.workspace import Workspace

SHAPES: Final[list[dict[str, Any]]] = [
    {},
    {"rules": [{"field": "original.score", "operator": ">=", "value": 10}]},
    {"rules": [{"field": "original.tags", "operator": "noneOf", "value": ["vip"]}]},
    {
        "combinator": "or",
        "rules": [
            {"field": "original.city", "operator": "=", "value": "ulm"},
            {"field": "original.renewal", "operator": "olderThan", "value": "P7D"},
        ],
    },
    {"not": True, "rules": [{"field": "original.email", "operator": "endsWith", "value": "@example.com"}]},
    {"rules": [{"field": "event.form.amount", "operator": "between", "value": [5, 9]}]},
    {"rules": [{"field": "event.data.campaign", "operator": "in", "value": ["spring", "fall"]}]},
    {
        "rules": [
            {"rules": [{"field": "original.size", "operator": "null"}]},
            {"field": "event.url", "operator": "notNull"},
        ]
    },
]
RECORDS: Final[list[tuple[str | None, dict[str, Any]]]] = [
    ("{}@example.com", {"score": 12, "tags": ["VIP"], "fields": {"city": "Ulm"}}),
    (None, {"score": 3, "fields": {"renewal": "2024-02-29", "size": 7}}),
    ("{}@example.org", {"score": 10, "lists": ["news"]}),
]
EVENTS: Final[list[dict[str, Any]]] = [
    {"form": {"amount": "7"}, "url": "https://example.com/", "ip": "203.0.113.7"},
    {"campaign": "fall", "form": {"amount": "many"}},
]


async def test_a_dry_run_equals_the_decision_of_the_interaction_posted_after_it(deployment: Deployment) -> None:
    work = deployment.workspace
    await work.api("POST", "/lists", {"id": "news", "name": "News"})
    for name, kind in (("renewal", "date"), ("size", "number")):
        await work.api("POST", "/catalogue", {"name": name, "type": kind, "label": name})
    raised = {"id": "raised", "trigger": "tag_added", "type": "adjust_score", "params": {"op": "add", "amount": 1}}
    await work.save("prospect", [raised])
    actions = [
        {
            "id": f"shape-{number}",
            "trigger": "submitted",
            "type": "add_tags",
            "params": {"tags": [f"met-{number}"]},
            **({"criteria": {"combinator": "and", **shape}} if shape else {}),
        }
        for number, shape in enumerate(SHAPES)
    ]
    form = await work.asset(actions, "form")
    await work.known(form, 1, "form.submitted")
    verdicts = set()
    for number, ((address, values), data) in enumerate(product(RECORDS, EVENTS)):
        prospect = await work.prospect(email=address and address.format(number), **values)
        dry = await work.api(
            "POST",
            f"/assets/{form}/dry-run",
            {"type": "form.submitted", "prospect_id": prospect, "data": data, "source": work.source},
        )
        uid = await work.click(form, prospect, type="form.submitted", data=data)
        assert await _told(work, uid) == [_dry(each) for each in (dry, *dry["derived"])]
        verdicts |= {(action["id"], action["fired"]) for action in dry["decision"]["actions"]}
    assert len(verdicts) >= 2 * len(SHAPES) - 2, verdicts


def _dry(told: dict[str, Any]) -> tuple[Any, ...]:
    commands = [(command["action_id"], command["type"]) for command in told["commands"]]
    return told["type"], told["depth"], told["decision"], commands


async def _told(work: Workspace, uid: str) -> list[tuple[Any, ...]]:
    """Return the same of the real interaction and of all that it set off, in the order in which they were judged."""
    first = await work.settled(uid)
    return [_dry(first), *[_dry(await work.settled(derived)) for derived in first["derived"]]]
