"""What each operator means, by example, as design.md tells it."""

from typing import Any

import pytest

from core.criteria import ALWAYS, compile_criteria
from tests.support.criteria_worlds import TYPES, interaction_of, values_of, world

NOW = "2026-01-31T10:00:00.123Z"


def _holds(field: str, operator: str, operand: Any, of_world: dict[str, Any], *, exact: bool = False) -> bool:
    rule = {"field": field, "operator": operator, "value": operand, "exact": exact}
    return compile_criteria({"rules": [rule]}, TYPES).matches(values_of(of_world), interaction_of(of_world))


def _of_field(kind: str, stored: Any, operator: str, operand: Any = None, *, exact: bool = False) -> bool:
    of_world = world({"fields": {f"the_{kind}": stored}})
    return _holds(f"original.the_{kind}", operator, operand, of_world, exact=exact)


@pytest.mark.parametrize(
    ("kind", "stored", "operator", "operand"),
    [
        ("text", "Construction", "=", "construction"),
        ("text", " Construction ", "=", "construction"),
        ("text", "A\u0308rzte", "=", "ärzte"),
        ("text", "a", "!=", "b"),
        ("text", "b", "in", ["a", "B"]),
        ("text", "c", "notIn", ["a", "B"]),
        ("text", "Head of Sales", "contains", "of s"),
        ("text", "Head of Sales", "doesNotContain", "buying"),
        ("text", "Head of Sales", "beginsWith", "head"),
        ("text", "Head of Sales", "endsWith", "SALES"),
        ("text", "a", "notNull", None),
        ("text", "", "null", None),
        ("picklist", "Gold", "=", "gold"),
        ("bool", False, "=", False),
        ("bool", False, "!=", True),
        ("number", 5, "=", 5.0),
        ("number", 5, "in", [4, 5]),
        ("number", 9.9, "<", 10),
        ("number", 10, "<=", 10),
        ("number", 10.1, ">", 10),
        ("number", 10, ">=", 10),
        ("number", 10, "between", [10, 20]),
        ("number", 20, "between", [10, 20]),
        ("date", "2026-01-31", "on", "2026-01-31"),
        ("date", "2026-01-31", "<", "2026-02-01"),
        ("date", "2026-01-24", "withinLast", "P7D"),
        ("date", "2026-01-23", "olderThan", "P7D"),
        ("datetime", "2026-01-31T01:00:00+02:00", "on", "2026-01-30"),
        ("datetime", "2026-01-31T11:00:00+01:00", "=", "2026-01-31T10:00:00Z"),
        ("datetime", "2026-01-31T09:00:00Z", "withinLast", "PT1H1M"),
        ("datetime", "2026-01-31T08:00:00Z", "olderThan", "PT1H"),
        ("multi", ["Hot", "vip"], "anyOf", ["hot", "cold"]),
        ("multi", ["Hot", "vip"], "allOf", ["VIP", "hot"]),
        ("multi", ["Hot", "vip"], "noneOf", ["cold"]),
        ("multi", [], "noneOf", ["cold"]),
        ("multi", [], "notNull", None),
    ],
)
def test_it_holds(kind: str, stored: Any, operator: str, operand: Any) -> None:
    assert _of_field(kind, stored, operator, operand)


@pytest.mark.parametrize(
    ("kind", "stored", "operator", "operand"),
    [
        ("text", "ab", "=", "a"),
        ("text", "five", "in", ["four"]),
        ("number", 21, "between", [10, 20]),
        ("number", "5", "=", 5),
        ("number", True, "=", 1),
        ("bool", 1, "=", True),
        ("bool", "true", "=", True),
        ("date", "2026-02-30", "notNull", None),
        ("date", "2026-02-01", "withinLast", "P7D"),
        ("datetime", "2026-01-31T10:00:00", "notNull", None),
        ("datetime", "2026-01-31T10:00:00.124Z", "withinLast", "P7D"),
        ("multi", [], "anyOf", ["hot"]),
        ("multi", [], "null", None),
        ("multi", "hot", "anyOf", ["hot"]),
    ],
)
def test_it_does_not_hold(kind: str, stored: Any, operator: str, operand: Any) -> None:
    assert not _of_field(kind, stored, operator, operand)


def test_a_missing_value_makes_every_operator_false_but_null() -> None:
    assert _of_field("text", None, "null")
    for operator, operand in [("!=", "a"), ("notIn", ["a"]), ("doesNotContain", "a"), ("notNull", None), ("=", "a")]:
        assert not _of_field("text", None, operator, operand)
        assert not _of_field("text", "", operator, operand)
    assert not _of_field("multi", None, "noneOf", ["a"])


def test_not_inverts_the_result_a_missing_value_included() -> None:
    group = {"not": True, "rules": [{"field": "original.the_text", "operator": "!=", "value": "a"}]}
    assert compile_criteria(group, TYPES).matches(values_of(world()), interaction_of(world()))


def test_exact_makes_the_case_of_texts_count() -> None:
    assert _of_field("text", "Hot", "=", "Hot", exact=True)
    assert not _of_field("text", "Hot", "=", "hot", exact=True)
    assert not _of_field("multi", ["Hot"], "anyOf", ["hot"], exact=True)


def test_ids_of_users_and_lists_are_equal_only_when_they_are_the_same() -> None:
    of_world = world({"owner": "u1", "lists": {"l1": "subscribed", "L2": "pending"}})
    assert _holds("original.owner", "=", "u1", of_world)
    assert not _holds("original.owner", "=", "U1", of_world)
    assert _holds("original.lists", "anyOf", ["l1"], of_world)
    assert not _holds("original.lists", "anyOf", ["L1"], of_world)


def test_lists_are_those_that_the_prospect_is_subscribed_to() -> None:
    of_world = world({"lists": {"news": "subscribed", "jobs": "pending", "ads": "unsubscribed"}})
    assert _holds("original.lists", "allOf", ["news"], of_world)
    assert _holds("original.lists", "noneOf", ["jobs", "ads"], of_world)


@pytest.mark.parametrize(
    ("sent", "operator", "operand"),
    [
        ("12", ">=", 10),
        (12, ">=", 10),
        (" 12.5 ", "=", 12.5),
        ("true", "=", True),
        (True, "=", "TRUE"),
        (5.0, "=", "5"),
        ("Acme", "contains", "CM"),
        (["red", "Green"], "anyOf", ["green"]),
        ("green", "anyOf", ["green"]),
        ("2026-01-30", "withinLast", "P7D"),
        ("2026-01-30", "<", "2026-01-31"),
        ("", "null", None),
        ([], "notNull", None),
        ({"a": 1}, "notNull", None),
    ],
)
def test_what_a_form_sends_is_read_as_operator_and_operand_ask(sent: Any, operator: str, operand: Any) -> None:
    assert _holds("event.form.x", operator, operand, world(data={"form": {"x": sent}}))
    assert _holds("event.data.x", operator, operand, world(data={"x": sent}))


@pytest.mark.parametrize(("sent", "operand"), [("twelve", 10), ("1e3", 10), ("inf", 10), (True, 0), ([12], 10)])
def test_what_is_no_number_is_missing_where_a_number_is_asked_for(sent: Any, operand: Any) -> None:
    assert not _holds("event.form.x", ">=", operand, world(data={"form": {"x": sent}}))
    assert not _holds("event.form.x", "!=", operand, world(data={"form": {"x": sent}}))


def test_the_event_is_read_by_its_attributes() -> None:
    of_world = world(data={"ip": "203.0.113.7", "bot": "scanner", "form": {"first.name": "Ada"}})
    for field, seen in [
        ("event.type", "redirect_link.clicked"),
        ("event.subject", "link"),
        ("event.source", "shop"),
        ("event.ip", "203.0.113.7"),
        ("event.bot", "scanner"),
        ("event.form.first.name", "ada"),
    ]:
        assert _holds(field, "=", seen, of_world)
    assert _holds("event.time", "on", "2026-01-31", of_world)
    assert _holds("event.url", "null", None, of_world)


def _change(before: dict[str, Any] | None, after: dict[str, Any], **more: Any) -> dict[str, Any]:
    change: dict[str, Any] = {
        "before": before,
        "after": after,
        "tags": [],
        "lists": [],
        "delta": None,
        "depth": 0,
        "by": "sql",
    }
    return world(type="prospect.updated" if before is not None else "prospect.created", change=change | more)


def _record(**fields: Any) -> dict[str, Any]:
    return dict(world({"fields": {f"the_{name}": value for name, value in fields.items()}})["original"])


def test_a_field_has_changed_when_it_was_filled_altered_or_cleared() -> None:
    for before, after in [(_record(), _record(text="a")), (_record(text="a"), _record(text="b"))]:
        assert _holds("original.the_text", "changed", None, _change(before, after))
        assert _holds("event.after.the_text", "changed", None, _change(before, after))
    assert _holds("original.the_text", "changed", None, _change(_record(text="a"), _record()))
    assert not _holds("original.the_text", "changed", None, _change(_record(text="a"), _record(text="A")))
    assert _holds("original.the_text", "changed", None, _change(_record(text="a"), _record(text="A")), exact=True)


def test_a_field_has_changed_to_a_value_that_it_did_not_have() -> None:
    to_b = _change(_record(text="a"), _record(text="b"))
    assert _holds("original.the_text", "changedTo", "B", to_b)
    assert not _holds("original.the_text", "changedTo", "a", to_b)
    assert not _holds("original.the_text", "changedTo", "b", _change(_record(text="b"), _record(text="b")))


def test_on_creation_what_was_before_is_missing_and_what_is_there_has_changed() -> None:
    created = _change(None, _record(text="a") | {"score": 5})
    assert _holds("event.before.score", "null", None, created)
    assert _holds("original.score", "changedTo", 5, created)
    assert _holds("original.the_text", "changed", None, created)
    assert not _holds("original.the_number", "changed", None, created)


def test_nothing_has_changed_where_no_record_change_is() -> None:
    assert not _holds("original.the_text", "changed", None, world({"fields": {"the_text": "a"}}))
    assert not _holds("original.the_text", "changedTo", "a", world({"fields": {"the_text": "a"}}))


def test_a_record_change_tells_what_it_was() -> None:
    of_world = _change(_record(text="a"), _record(text="b"), tags=["Hot"], lists=["l1"], delta=-5, depth=2, by="api:k")
    assert _holds("event.tags", "anyOf", ["hot"], of_world)
    assert _holds("event.lists", "anyOf", ["l1"], of_world)
    assert _holds("event.delta", "<", 0, of_world)
    assert _holds("event.depth", "=", 2, of_world)
    assert _holds("event.by", "beginsWith", "api:", of_world)
    assert _holds("event.changed", "allOf", ["the_text"], of_world)
    assert _holds("event.changed", "noneOf", ["score"], of_world)
    assert _holds("event.before.the_text", "=", "a", of_world)
    assert not _holds("event.tags", "noneOf", ["cold"], world())


def test_no_criteria_and_no_rules_are_always_true() -> None:
    for criteria in (ALWAYS, compile_criteria(None, {}), compile_criteria({"combinator": "or", "rules": []}, {})):
        assert criteria.matches(values_of(world()), interaction_of(world()))
        assert criteria.slots.paths == []


def test_the_paths_that_are_read_stand_once_each_changes_by_both_their_sides() -> None:
    rules = [
        {"field": "original.score", "operator": ">=", "value": 5},
        {"rules": [{"field": "original.score", "operator": "<", "value": 9}]},
        {"field": "original.the_text", "operator": "changed"},
    ]
    paths = compile_criteria({"rules": rules}, TYPES).slots.paths
    assert paths == ["original.score", "event.after.the_text", "event.before.the_text"]


@pytest.mark.parametrize(
    ("field", "operator", "operand"),
    [
        ("original.the_text", ">=", "a"),
        ("original.the_text", "=", 5),
        ("original.the_text", "=", ""),
        ("original.the_text", "contains", "  "),
        ("original.the_text", "null", "a"),
        ("original.the_text", "in", "a"),
        ("original.the_text", "in", []),
        ("original.the_number", "=", "5"),
        ("original.the_number", "=", True),
        ("original.the_number", "between", [2, 1]),
        ("original.the_number", "between", [1, 2, 3]),
        ("original.the_bool", "=", 1),
        ("original.the_date", "=", "31.01.2026"),
        ("original.the_date", "withinLast", "a week"),
        ("original.the_date", "withinLast", "-P1D"),
        ("original.the_date", "withinLast", 7),
        ("original.the_multi", "=", "a"),
        ("original.the_multi", "changed", None),
        ("original.tags", "anyOf", [""]),
        ("original.tags", "anyOf", [5]),
        ("event.form.x", "contains", 5),
        ("event.form.x", "changed", None),
        ("event.before.the_text", "changed", None),
        ("original.the_text", "matches", "a"),
    ],
)
def test_an_operand_that_does_not_go_with_operator_and_type_is_refused(field: str, operator: str, operand: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        compile_criteria({"rules": [{"field": field, "operator": operator, "value": operand}]}, TYPES)
