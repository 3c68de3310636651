"""Random criteria and the worlds that they are judged in: values that fit, that are missing, and that a foreign writer
got wrong, from small pools, so that rules often hold."""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from core.records import Interaction, RecordChange, instant
from core.values import Values, from_document, to_document
from schemas.criteria import OPERATORS

RECORDED_MS = 1_769_853_600_123
"""2026-01-31T10:00:00.123Z"""

TYPES = {f"the_{kind}": kind for kind in ("text", "number", "bool", "date", "datetime", "picklist", "multi")}

TEXTS = [
    "a",
    "A",
    " a ",
    "ab",
    "BA",
    "Construction",
    "construction",
    "Ärzte",
    "ärzte",
    "A\u0308rzte",
    "İi",
    "ii",
    "ΑΣ",
    "ας",
]
TEXTS += ["ß", "SS", "true", "False", "5", " 7 ", "5.0", "+5", "1e3", "٣", "5_0", "inf", " "]
NUMBERS = [0, -1, 1, 5, 5.0, 7, 0.1, 2.5, -3.25, 10**11, 1e20]
DATES = ["2026-01-31", "2026-01-30", "2026-01-24", "2025-12-31", "2024-02-29", "2027-01-01"]
INSTANTS = [
    "2026-01-31T10:00:00.123Z",
    "2026-01-31T10:00:00.123456Z",
    "2026-01-31t11:00:00.123+01:00",
    "2026-01-31 00:30:00+01:00",
    "2026-01-30T23:59:59.999999z",
    "2026-01-24T10:00:00.123Z",
    "2026-01-31T09:00:00Z",
    "2027-01-01T00:00:00-12:00",
]
NO_MOMENTS = ["2026-02-30", "20260131", "2026-W05-6", "2026-01-31T10:00:00", "2026-01-31T24:00:00Z", "31.01.2026"]
NO_MOMENTS += ["2026-01-31T10:00:00,5Z", "2026-01-31T10Z", "\uff12\uff10\uff12\uff16-01-31"]
IDS = ["u1", "u2", "U1", "u-10"]
DURATIONS = ["P0D", "P1D", "P7D", "PT1H", "PT36H", "P400D"]
TAGS = ["hot", "HOT", "Vip", "vip ", "ärzte", "A\u0308rzte"]

_OPERANDS: dict[str, list[Any]] = {
    "text": TEXTS[:-1],
    "picklist": TEXTS[:-1],
    "user": IDS,
    "number": NUMBERS,
    "bool": [True, False],
    "date": DATES + INSTANTS,
    "datetime": DATES + INSTANTS,
    "tags": TAGS,
    "lists": IDS,
    "multi": TAGS,
}
_STORED: dict[str, list[Any]] = _OPERANDS | {
    "text": TEXTS,
    "date": DATES * 3 + INSTANTS,
    "datetime": INSTANTS * 2 + DATES,
}
_WRONG: list[Any] = [
    *TEXTS,
    *NUMBERS,
    *INSTANTS,
    *NO_MOMENTS,
    True,
    False,
    [],
    ["hot"],
    ["hot", 5, None],
    {},
    {"a": 1},
    "",
]
_OF_CHANGE = {"before", "after", "changed", "tags", "lists", "delta", "depth", "by"}
_ATTRIBUTES = {"email": "text", "score": "number", "owner": "user", "consent": "text", "lead_id": "text"}


def _sets(items: list[str], **sizes: Any) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(items), max_size=4, **sizes)


def _stored(kind: str) -> st.SearchStrategy[Any]:
    fits = _sets(TAGS) if kind == "multi" else st.sampled_from(_STORED[kind])
    return st.one_of(fits, fits, fits, st.none(), st.sampled_from(_WRONG))


_ATTRIBUTE_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "email": st.sampled_from([None, "a@example.com", "A@Example.com"]),
    "score": st.sampled_from([0, 5, 7, -1]),
    "owner": st.sampled_from([None, *IDS]),
    "tags": _sets(TAGS),
    "lists": st.dictionaries(st.sampled_from(IDS), st.sampled_from(["subscribed", "pending", "unsubscribed"])),
    "consent": st.sampled_from(["none", "granted"]),
    "lead_id": st.none() | st.just("d2b4c6f0-0000-5000-8000-000000000001"),
}
_FIELD_VALUES = {name: _stored(kind) for name, kind in TYPES.items()}
_SENT = st.sampled_from([*_WRONG, None]) | _sets(TAGS)
_DATA_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "ip": st.sampled_from(["203.0.113.7", None]),
    "url": st.sampled_from(TEXTS),
    "bot": st.sampled_from(["human", "scanner", 5]),
}


Near = Mapping[str, list[Any]]
"""By a field's name, what lies at or around the operands of the rules that look at it."""


def _near(group: dict[str, Any]) -> dict[str, list[Any]]:
    near: dict[str, list[Any]] = {}
    for rule in _rules(group):
        operand = rule.get("value")
        values = operand if isinstance(operand, list) else [operand]
        around = near.setdefault(rule["field"].partition(".")[2].split(".")[-1], [])
        around += [variant for value in values for variant in _variants(value)] + [values, values[:1]]
    return near


def _variants(value: Any) -> list[Any]:
    match value:
        case bool():
            return [value, not value, str(value).lower(), int(value)]
        case str():
            return [value, value.upper(), value.lower(), f" {value}  ", f"b{value}", f"{value}b", f"b{value}b"]
        case int() | float():
            return [value, value + 1, value - 1, value + 0.5, f" {value}"]
        case _:
            return []


def _drawn(draw: st.DrawFn, name: str, otherwise: st.SearchStrategy[Any], near: Near) -> Any:
    if near.get(name) and draw(_BOOLEANS):
        return draw(st.sampled_from(near[name]))
    return draw(otherwise)


def _record(draw: st.DrawFn, names: frozenset[str], near: Near) -> dict[str, Any]:
    """Draw a prospect's values in the form of a snapshot's; what is not in `names` stays empty."""
    record: dict[str, Any] = to_document(Values()) | {"tags": []}
    fields = {}
    for name in sorted(names):
        if name in _ATTRIBUTE_VALUES:
            record[name] = draw(_ATTRIBUTE_VALUES[name])
        elif name in _FIELD_VALUES and (value := _drawn(draw, name, _FIELD_VALUES[name], near)) is not None:
            fields[name] = value
    return record | {"fields": fields}


_RARELY_FALSE = st.sampled_from([True, True, True, False])
_CHANGE_VALUES = st.fixed_dictionaries(
    {
        "tags": _sets(TAGS),
        "lists": _sets(IDS),
        "delta": st.sampled_from([None, 5, -1]),
        "depth": st.sampled_from([0, 1, 5]),
        "by": st.sampled_from(["executor", "sql"]),
    }
)
_INSTANTS = st.sampled_from(INSTANTS)
_TEXTS = st.sampled_from(TEXTS)


def _change(draw: st.DrawFn, names: frozenset[str], near: Near) -> dict[str, Any]:
    before = _record(draw, names, near) if draw(_RARELY_FALSE) else None
    return {"before": before, "after": _record(draw, names, near), **draw(_CHANGE_VALUES)}


def _data(draw: st.DrawFn, names: frozenset[str], near: Near) -> dict[str, Any]:
    data = {name: draw(values) for name, values in _DATA_VALUES.items() if name in names}
    if "data" in names:
        data["x"] = _drawn(draw, "x", _SENT, near)
    if "form" in names:
        sent = {"x": _drawn(draw, "x", _SENT, near), "y.z": _drawn(draw, "z", _SENT, near)}
        data["form"] = draw(st.sampled_from([sent, sent, sent, None, "no form"]))
    return data


def _world(draw: st.DrawFn, group: dict[str, Any]) -> dict[str, Any]:
    """Draw what the group's rules may look at, in the form that the independent interpreter takes."""
    fields, near = {rule["field"] for rule in _rules(group)}, _near(group)
    names = frozenset(name for field in fields for name in field.split("."))
    if "event.changed" in fields:
        names |= {"the_text", "the_multi", "score", "tags", "lists"}
    of_record = any(field.split(".")[1] in _OF_CHANGE for field in fields)
    change = _change(draw, names, near) if draw(_RARELY_FALSE) is of_record else None
    kind = "redirect_link.clicked"
    if change:
        kind = "prospect.updated" if change["before"] is not None else "prospect.created"
    return world(
        _record(draw, names, near),
        type=kind,
        time=draw(_INSTANTS),
        source=draw(_TEXTS),
        data={} if change else _data(draw, names, near),
        change=change,
    )


def _rules(group: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for part in group["rules"] for rule in (_rules(part) if "rules" in part else [part])]


@st.composite
def judged_rules(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a group of one rule, and a world."""
    group = {"rules": [draw(rules())]}
    return group, _world(draw, group)


@st.composite
def judged_groups(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a group, and a world."""
    group = draw(groups())
    return group, _world(draw, group)


def paths() -> dict[str, str]:
    """Return the type of every path that the worlds have a value for."""
    record = _ATTRIBUTES | {"tags": "tags", "lists": "lists"} | TYPES
    scopes = ("original", "event.before", "event.after")
    event = {"type": "text", "time": "datetime", "source": "text", "ip": "text", "url": "text", "bot": "text"}
    event |= {"changed": "multi", "tags": "tags", "lists": "lists", "delta": "number", "depth": "number", "by": "text"}
    return (
        {f"{scope}.{name}": kind for scope in scopes for name, kind in record.items()}
        | {f"event.{name}": kind for name, kind in event.items()}
        | dict.fromkeys(["event.form.x", "event.form.y.z", "event.data.x"], "open")
    )


@cache
def _operators(path: str, kind: str) -> st.SearchStrategy[str]:
    allowed = {operator for each in OPERATORS.values() for operator in each} if kind == "open" else OPERATORS[kind]
    comparable = path.startswith(("original.", "event.after."))
    return st.sampled_from(sorted(name for name in allowed if comparable or not name.startswith("changed")))


_PATHS = st.sampled_from(
    sorted(paths().items())
    + [(f"original.{name}", kind) for name, kind in TYPES.items()] * 5
    + [("event.form.x", "open")] * 10
)
_BOOLEANS = st.booleans()


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a rule that passes the check at save."""
    path, kind = draw(_PATHS)
    operator = draw(_operators(path, kind))
    if kind == "open":
        kind = draw(_open_kinds(operator))
    rule = {"field": path, "operator": operator, "exact": draw(_BOOLEANS)}
    return rule | {"value": draw(operands(operator, kind))}


@cache
def _open_kinds(operator: str) -> st.SearchStrategy[str]:
    return st.sampled_from(open_kinds(operator))


def open_kinds(operator: str) -> list[str]:
    """Return as what an operator may read an undeclared value."""
    if operator.endswith("Of"):
        return ["multi"]
    return [kind for kind in ("text", "number", "bool", "datetime") if operator in OPERATORS[kind]]


@cache
def operands(operator: str, kind: str) -> st.SearchStrategy[Any]:
    """Draw an operand that goes with an operator and a type."""
    return st.sampled_from(every_operand(operator, kind))


def every_operand(operator: str, kind: str) -> list[Any]:
    """Return operands that go with an operator and a type: all of the pool, in arrays of one and two where it asks for them."""
    pool = _OPERANDS[kind]
    match operator:
        case "null" | "notNull" | "changed":
            return [None]
        case "in" | "notIn" | "anyOf" | "allOf" | "noneOf":
            return [[one] for one in pool] + [list(two) for two in pairwise(pool)]
        case "between":
            ordered = sorted(set(NUMBERS)) if kind == "number" else sorted(DATES)
            return [[low, high] for at, low in enumerate(ordered) for high in ordered[at:]]
        case "withinLast" | "olderThan":
            return DURATIONS
        case "on":
            return DATES
        case _:
            return pool


def every_stored(kind: str) -> list[Any]:
    """Return what a field of a type may hold: what fits, what does not, nothing."""
    sets = [[one] for one in TAGS] + [list(two) for two in pairwise(TAGS)]
    fit = sets if kind == "multi" else sets + TEXTS if kind == "open" else _STORED[kind]
    return [*fit, *_WRONG, *NO_MOMENTS, None]


@st.composite
def groups(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    """Draw groups of rules and groups, three deep."""
    parts = [draw(rules()) for _ in range(draw(_SIZES))]
    if depth < 3 and draw(_BOOLEANS):
        parts.insert(draw(_SIZES), draw(groups(depth + 1)))
    return {"rules": parts, **draw(_OPTIONS)}


_SIZES = st.integers(0, 3)
_OPTIONS = st.fixed_dictionaries({}, optional={"combinator": st.sampled_from(["and", "or"]), "not": _BOOLEANS})


def world(values: Mapping[str, Any] | None = None, **event: Any) -> dict[str, Any]:
    """Make a world of these values and event attributes."""
    nothing = to_document(Values())
    return {
        "original": {**nothing, **(values or {})},
        "event": {
            "uid": "0d6c1f6e-0000-5000-8000-000000000002",
            "type": "redirect_link.clicked",
            "subject": "link",
            "time": "2026-01-31T10:00:00Z",
            "source": "shop",
            "data": {},
            "recorded_ms": RECORDED_MS,
            "change": None,
        }
        | event,
    }


def values_of(world: Mapping[str, Any]) -> Values:
    """Return the world's values as the machine has them."""
    return from_document(world["original"])


def interaction_of(world: Mapping[str, Any]) -> Interaction:
    """Return the world's event as the machine has it."""
    event = world["event"]
    change = event["change"]
    return Interaction(
        id="event-1",
        source=event["source"],
        type=event["type"],
        subject=event["subject"],
        time=event["time"],
        uid=event["uid"],
        prospect_id="6f1e2d3c-0000-4000-8000-000000000003",
        version=1,
        prospect_version=1,
        recordedtime=instant(event["recorded_ms"]),
        recorded_ms=event["recorded_ms"],
        data=event["data"],
        depth=change["depth"] if change else 0,
        change=change
        and RecordChange(
            before=from_document(change["before"] or {}),
            after=from_document(change["after"]),
            by=change["by"],
            tags=tuple(change["tags"]),
            lists=tuple(change["lists"]),
            delta=change["delta"],
        ),
    )
