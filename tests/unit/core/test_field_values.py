"""Field values as they are stored: typed, bounded, one spelling for one value."""

from typing import Any

import pytest

from core.field_change import operand
from core.field_values import check_value
from core.parameters import converted
from schemas.field_catalogue import Field


def _field(kind: str, *options: str) -> Field:
    return Field.model_validate({"name": "x", "type": kind, "label": "X", "options": options})


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        (_field("text"), "a", "a"),
        (_field("text"), "", ""),
        (_field("text"), "a" * 4000, "a" * 4000),
        (_field("number"), 5, 5),
        (_field("number"), 5.0, 5),
        (_field("number"), -0.1234, -0.1234),
        (_field("number"), 99_999_999_999.9999, 99_999_999_999.9999),
        (_field("bool"), False, False),
        (_field("date"), "2024-02-29", "2024-02-29"),
        (_field("datetime"), "2026-01-31T10:00:00Z", "2026-01-31T10:00:00.000Z"),
        (_field("datetime"), "2026-01-31t00:30:00.123999+01:00", "2026-01-30T23:30:00.123Z"),
        (_field("datetime"), "2026-01-31", "2026-01-31T00:00:00.000Z"),
        (_field("picklist", "Gold", "Silver"), "gold", "Gold"),
        (_field("picklist"), "anything", "anything"),
        (_field("multi", "Red", "Green"), ["green", "RED", "Green"], ["Green", "Red"]),
        (_field("multi"), [], []),
    ],
)
def test_a_value_is_stored_in_one_spelling(field: Field, value: Any, stored: Any) -> None:
    result = check_value(field, value)
    assert (result, type(result)) == (stored, type(stored))
    assert operand(field.type, "set", result) == result


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (_field("text"), 5),
        (_field("text"), None),
        (_field("text"), "a" * 4001),
        (_field("text"), "a\x00b"),
        (_field("number"), "5"),
        (_field("number"), True),
        (_field("number"), 10**11),
        (_field("number"), -(10**11)),
        (_field("number"), float("inf")),
        (_field("number"), float("nan")),
        (_field("number"), 0.00001),
        (_field("bool"), 1),
        (_field("bool"), "true"),
        (_field("date"), "2026-02-30"),
        (_field("date"), "2026-01-31T10:00:00Z"),
        (_field("date"), "20260131"),
        (_field("date"), 5),
        (_field("datetime"), "2026-01-31T10:00:00"),
        (_field("datetime"), "now"),
        (_field("datetime"), "9999-12-31T23:00:00-05:00"),
        (_field("datetime"), 1_769_853_600),
        (_field("picklist", "Gold"), "Bronze"),
        (_field("picklist", "Gold"), ["Gold"]),
        (_field("picklist"), ""),
        (_field("picklist"), "a" * 101),
        (_field("multi", "Red"), ["Blue"]),
        (_field("multi", "Red"), "Red"),
        (_field("multi"), [5]),
        (_field("multi"), [f"option {number}" for number in range(101)]),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_a_sentence(field: Field, value: Any) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        check_value(field, value)


@pytest.mark.parametrize(
    ("sent", "kind", "copied"),
    [
        (" 12.5 ", "number", 12.5),
        ("twelve", "number", "twelve"),
        ("nan", "number", "nan"),
        ("TRUE", "bool", True),
        ("yes", "bool", "yes"),
        ("red", "multi", ["red"]),
        (("red", "green"), "text", "red; green"),
        (5, "text", "5"),
        ("", "text", None),
    ],
)
def test_a_copied_value_becomes_the_fields_type_where_that_is_certain(sent: Any, kind: str, copied: Any) -> None:
    assert converted(sent, kind) == copied


def test_what_is_copied_and_does_not_fit_is_refused_by_fold_and_executor_alike() -> None:
    with pytest.raises(ValueError, match=r"^must be a date"):
        operand("date", "set", converted("next week", "date"))
