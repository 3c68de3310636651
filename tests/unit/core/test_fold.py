"""What each record action does to the values. That the database does the same is shown in tests/integration/executors."""

from typing import Any

import pytest

from core.fold import fold
from core.values import Values


def _field(op: str, value: Any = None, *, kind: str = "text", only_if_empty: bool = False) -> dict[str, Any]:
    return {"field": "f", "type": kind, "op": op, "value": value, "only_if_empty": only_if_empty}


def test_tags_are_a_set_whose_first_spelling_stays() -> None:
    before = Values(tags=("Hot", "VIP"))
    assert fold(before, "add_tags", {"tags": [" hot", "New", "NEW", "Élan"]}).tags == ("Hot", "VIP", "New", "Élan")
    assert fold(before, "remove_tags", {"tags": ["HOT", "absent"]}).tags == ("VIP",)


@pytest.mark.parametrize("action_type", ["add_tags", "remove_tags"])
def test_a_command_that_changes_nothing_returns_the_same_values(action_type: str) -> None:
    before = Values(tags=("hot",))
    assert fold(before, action_type, {"tags": ["HOT"] if action_type == "add_tags" else ["cold"]}) is before


@pytest.mark.parametrize(
    ("params", "score"),
    [
        ({"op": "add", "amount": 5}, 15),
        ({"op": "subtract", "amount": 25}, -15),
        ({"op": "set", "amount": 3}, 3),
        ({"op": "subtract", "amount": 25, "min": 0}, 0),
        ({"op": "add", "amount": 500, "max": 100}, 100),
        ({"op": "add", "amount": 2**31 - 1}, 10),
    ],
)
def test_a_score_moves_by_its_delta_and_is_clamped(params: dict[str, Any], score: int) -> None:
    assert fold(Values(score=10), "adjust_score", params).score == score


@pytest.mark.parametrize(
    ("owner", "params", "expected"),
    [
        (None, {"user": "ann", "overwrite": "never"}, "ann"),
        ("bob", {"user": "ann", "overwrite": "never"}, "bob"),
        ("bob", {"user": "ann", "overwrite": "always"}, "ann"),
        ("bob", {"user": None, "overwrite": "always"}, "bob"),
    ],
)
def test_an_owner_is_overwritten_only_when_told(owner: str | None, params: dict[str, Any], expected: str) -> None:
    assert fold(Values(owner=owner), "assign_owner", params).owner == expected


@pytest.mark.parametrize(
    ("current", "params", "expected"),
    [
        (None, _field("set", "x"), "x"),
        ("old", _field("set", "x", only_if_empty=True), "old"),
        ("", _field("set", "x", only_if_empty=True), "x"),
        ("old", _field("clear"), None),
        (None, _field("append", "b"), "b"),
        ("a", _field("append", "b"), "a; b"),
        ("a; b", _field("append", "b"), "a; b"),
        (["a"], _field("append", ["a", "b"], kind="multi"), ["a", "b"]),
        (["a"], _field("append", "c", kind="multi"), ["a", "c"]),
        (None, _field("increment", 2, kind="number"), 2),
        (0.1, _field("increment", 0.2, kind="number"), 0.3),
        (1.5, _field("increment", 0.5, kind="number"), 2),
        ("text", _field("increment", 1, kind="number"), "text"),
        (10**11 - 1, _field("increment", 1, kind="number"), 10**11 - 1),
        (5, _field("set", "not a number", kind="number"), 5),
    ],
)
def test_a_field_changes_by_its_type(current: Any, params: dict[str, Any], expected: Any) -> None:
    before = Values(fields={} if current is None else {"f": current, "other": 1})
    assert fold(before, "change_field_value", params).fields.get("f") == expected


def test_who_unsubscribed_is_re_added_only_with_resubscribe() -> None:
    before = Values(lists={"news": "unsubscribed", "tips": "pending"})
    joined = fold(before, "add_to_list", {"lists": ["news", "tips", "fresh"]})
    assert joined.lists == {"news": "unsubscribed", "tips": "pending", "fresh": "subscribed"}
    assert fold(before, "add_to_list", {"lists": ["news"], "resubscribe": True}).lists["news"] == "subscribed"


def test_leaving_a_list_keeps_the_evidence_of_an_unsubscribe() -> None:
    before = Values(lists={"news": "unsubscribed", "tips": "subscribed"})
    assert fold(before, "remove_from_list", {"lists": ["news", "tips"]}).lists == {"news": "unsubscribed"}


def test_a_prospect_is_converted_once() -> None:
    converted = fold(Values(), "convert_to_lead", {"lead_id": "lead"})
    assert converted.lead_id == "lead"
    assert fold(converted, "convert_to_lead", {"lead_id": "other"}) is converted
