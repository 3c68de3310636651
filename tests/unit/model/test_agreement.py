"""The machine and the independent model agree on random lists, interactions, repeats and changes by hand."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaos.model.log import record
from tests.support.agreement import Agreement
from tests.support.simulation import NOW

PROSPECT = str(UUID(int=7, version=4))
START = datetime.fromisoformat(NOW).astimezone(UTC)
TYPES = {
    "industry": "text",
    "company": "text",
    "visits": "number",
    "seen": "datetime",
    "day": "date",
    "interests": "multi",
}
KINDS = {"link": "redirect_link", "form": "form", "mail": "list_email", "prospect": "prospect"}
TYPES_OF = {
    "link": ["redirect_link.clicked"],
    "form": ["form.submitted"],
    "mail": ["list_email.opened", "list_email.unsubscribed"],
}
RECORD_TRIGGERS = [
    "created",
    "updated",
    "tag_added",
    "tag_removed",
    "list_joined",
    "list_left",
    "score_changed",
    "owner_changed",
]
TAGS = ["hot", "HOT ", "vip", "Ärzte"]

Json = dict[str, Any]


def _one_of(*documents: Json) -> st.SearchStrategy[Json]:
    return st.sampled_from(documents)


def _rule(field: str, operator: str, value: Any = None) -> Json:
    return {"field": field, "operator": operator, "value": value}


_rules = _one_of(
    _rule("original.score", ">=", 5),
    _rule("original.score", "between", [0, 20]),
    _rule("original.tags", "anyOf", ["Hot"]),
    _rule("original.tags", "noneOf", ["vip", "hot"]),
    _rule("original.tags", "allOf", ["hot", "ärzte"]),
    _rule("original.lists", "anyOf", ["news"]),
    _rule("original.owner", "null"),
    _rule("original.owner", "in", ["ann", "bob"]),
    _rule("original.lead_id", "notNull"),
    _rule("original.industry", "!=", "retail"),
    _rule("original.industry", "changed"),
    _rule("original.company", "beginsWith", "new"),
    _rule("original.interests", "anyOf", ["prices"]),
    _rule("original.visits", "<", 2),
    _rule("original.seen", "withinLast", "PT1H"),
    _rule("original.day", "olderThan", "P1D"),
    _rule("event.ip", "beginsWith", "203.0"),
    _rule("event.form.budget", ">", 100),
    _rule("event.type", "endsWith", "clicked"),
    _rule("event.depth", "<", 3),
    _rule("event.delta", ">", 0),
    _rule("event.tags", "anyOf", ["vip"]),
    _rule("event.before.score", "<", 5),
    _rule("event.after.industry", "=", "Energy"),
)
_RECORD_ONLY = ("event.depth", "event.delta", "event.tags", "event.before", "event.after")
_plain_rules = _rules.filter(lambda rule: rule["operator"] != "changed" and not rule["field"].startswith(_RECORD_ONLY))


def _groups(rules: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    def group(parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
        return st.fixed_dictionaries(
            {"combinator": st.sampled_from(["and", "or"]), "not": st.booleans(), "rules": st.lists(parts, max_size=3)}
        )

    return group(st.one_of(rules, group(rules)))


def _params(*params: Json) -> st.SearchStrategy[Json]:
    return st.sampled_from(params)


_changes: dict[str, st.SearchStrategy[Json]] = {
    "add_tags": st.lists(st.sampled_from(TAGS), min_size=1, max_size=3).map(lambda tags: {"tags": tags}),
    "remove_tags": st.lists(st.sampled_from(TAGS), min_size=1, max_size=2).map(lambda tags: {"tags": tags}),
    "adjust_score": _params(
        {"op": "add", "amount": 5},
        {"op": "subtract", "amount": 3, "min": 0},
        {"op": "set", "amount": 7},
        {"op": "add", "amount": 50, "max": 40},
        {"op": "add", "amount": 2**31 - 1},
    ),
    "assign_owner": _params({"user": "ann"}, {"pool": ["ann", "bob", "cy", "dee"], "overwrite": "always"}),
    "change_field_value": _params(
        {"field": "industry", "op": "set", "value": "Energy"},
        {"field": "industry", "op": "clear"},
        {"field": "company", "op": "append", "value": "Sons"},
        {"field": "company", "op": "copy", "from": "original.industry"},
        {"field": "company", "op": "copy", "from": "event.form.company", "only_if_empty": True},
        {"field": "visits", "op": "increment", "value": 0.1},
        {"field": "interests", "op": "append", "value": ["prices", "jobs"]},
        {"field": "seen", "op": "now", "offset": "-PT30M"},
        {"field": "day", "op": "now", "offset": "P1W"},
    ),
    "add_to_list": _params({"lists": ["news"]}, {"lists": ["news"], "resubscribe": True, "evidence": "asked"}),
    "remove_from_list": _params({"lists": ["news", "events"]}),
    "convert_to_lead": _params({}, {"on_existing": "fail"}, {"on_existing": "update", "status": "open"}),
    "fire_webhook": _params({"url": "https://example.com/"}),
}
_frequencies = st.sampled_from(["every", "every", "every", {"once": True}, {"first": 2}, {"once_per": "PT5M"}])


@st.composite
def _actions(draw: st.DrawFn, prefix: str, triggers: list[str], rules: st.SearchStrategy[Json]) -> list[Json]:
    actions = []
    for number in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(sorted(_changes)))
        action = {
            "id": f"{prefix}{number}",
            "name": "An action",
            "trigger": draw(st.sampled_from(triggers)),
            "type": kind,
            "params": draw(_changes[kind]),
            "enabled": draw(st.sampled_from([True, True, True, False])),
            "frequency": draw(_frequencies),
        }
        criteria = draw(st.one_of(st.none(), _groups(rules)))
        actions.append(action if criteria is None else {**action, "criteria": criteria})
    return draw(st.permutations(actions))


@st.composite
def _lists(draw: st.DrawFn) -> dict[tuple[str, int], list[Json]]:
    lists = {
        (asset, version): draw(_actions(asset, sorted({name.partition(".")[2] for name in names}), _plain_rules))
        for asset, names in TYPES_OF.items()
        for version in (1, 2)
    }
    return lists | {("prospect", version): draw(_actions("p", RECORD_TRIGGERS, _rules)) for version in (1, 2)}


_records = st.fixed_dictionaries(
    {},
    optional={
        "score": st.integers(-5, 30),
        "owner": st.sampled_from(["ann", "eve"]),
        "tags": st.lists(st.sampled_from(["hot", "vip", "Ärzte"]), unique=True),
        "fields": st.fixed_dictionaries(
            {},
            optional={
                "industry": st.sampled_from(["Retail", "Energy"]),
                "company": st.just("New Ltd"),
                "visits": st.just(1.5),
            },
        ),
    },
)
_steps = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(sorted(TYPES_OF)),
            st.integers(0, 1),
            st.integers(0, 12),
            st.integers(0, 2),
            st.integers(1, 2),
            st.sampled_from([0, 0.25, 60, 299.999, 300, 90_000]),
            st.sampled_from(["203.0.113.7", "203.0.113.7", "2001:db8::1", "2001:db8::2", None]),
            st.sampled_from([1, 1, 1, 3, 5]),
        ),
        _records,
    ),
    max_size=12,
)


def _event(asset: str, which: int, number: str, address: str | None) -> Json:
    names = TYPES_OF[asset]
    data: Json = {"ip": address} if address else {}
    if asset == "form":
        data["form"] = {"company": "Form Ltd", "budget": "120"}
    name = names[which % len(names)]
    return {"id": f"{asset}-{number}", "source": "shop", "type": name, "subject": asset, "time": NOW, "data": data}


@settings(max_examples=100, deadline=None)
@given(_lists(), _records, _steps)
def test_the_machine_and_the_model_tell_the_same(
    lists: Mapping[tuple[str, int], list[Json]], values: Json, steps: list[Any]
) -> None:
    agreement = Agreement(lists, KINDS, TYPES, ["cy"])
    agreement.create(PROSPECT, record(values))
    now = START
    for step in steps:
        if isinstance(step, dict):
            agreement.change(PROSPECT, step)
            continue
        asset, which, number, version, prospect_version, after_s, address, times = step
        now += timedelta(seconds=after_s)
        for time in range(times):
            event = _event(asset, which, f"{number}-{time}", address)
            agreement.accept(PROSPECT, event, version=version, prospect_version=prospect_version, recorded=now)
    assert agreement.disagreements() == []
