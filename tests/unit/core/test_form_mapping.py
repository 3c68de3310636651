"""What a submitted form says of a prospect: mapped fields alone, typed, blanks left out."""

from collections.abc import Sequence
from typing import Any

import pytest

from core.form_mapping import email_of, event_form, from_texts, pointer_to, repeats, values_of
from schemas.field_catalogue import Field


def _field(kind: str, *options: str, name: str = "x") -> Field:
    return Field.model_validate({"name": name, "type": kind, "label": "X", "options": options})


CATALOGUE = {
    field.name: field
    for field in (
        _field("text", name="company"),
        _field("number", name="budget"),
        _field("multi", "Red", "Green", name="colours"),
    )
}
MAPPING = {"mail": "email", "firm": "company", "money": "budget", "colour": "colours", "old": "no_longer_there"}


@pytest.mark.parametrize(
    ("field", "texts", "stored"),
    [
        (_field("text"), [" <b>5</b> "], " <b>5</b> "),
        (_field("number"), ["5"], 5),
        (_field("number"), [" -5.50\t"], -5.5),
        (_field("number"), ["+120000.0"], 120000),
        (_field("bool"), ["TRUE"], True),
        (_field("bool"), ["on"], True),
        (_field("bool"), [" no "], False),
        (_field("bool"), ["0"], False),
        (_field("date"), [" 2024-02-29 "], "2024-02-29"),
        (_field("datetime"), ["2026-01-31T10:00:00+01:00"], "2026-01-31T09:00:00.000Z"),
        (_field("picklist", "Gold", "Silver"), [" gold "], "Gold"),
        (_field("picklist"), [" anything "], "anything"),
        (_field("multi", "Red", "Green"), ["green", " RED ", "Green"], ["Green", "Red"]),
        (_field("multi"), ["a"], ["a"]),
    ],
)
def test_a_text_becomes_a_value_of_the_fields_type(field: Field, texts: Sequence[str], stored: Any) -> None:
    result = from_texts(field, texts)
    assert (result, type(result)) == (stored, type(stored))


@pytest.mark.parametrize(
    ("field", "texts", "allowed"),
    [
        (_field("text"), ["a" * 4001], "must have at most 4000 characters"),
        (_field("number"), ["1,5"], "must be a number"),
        (_field("number"), ["1e3"], "must be a number"),
        (_field("number"), ["NaN"], "must be a number"),
        (_field("number"), ["٣"], "must be a number"),
        (_field("number"), ["100000000001"], "must be smaller than"),
        (_field("number"), ["0.00001"], "must have at most 4 decimals"),
        (_field("bool"), ["perhaps"], "must be true or false"),
        (_field("date"), ["31.1.2026"], "must be a date such as 2026-01-31"),
        (_field("date"), ["2026-02-30"], "must be a date such as 2026-01-31"),
        (_field("datetime"), ["2026-02-01T10:00"], "must be a date or an instant with its zone"),
        (_field("picklist", "Gold"), ["Bronze"], "must be one of the field's options"),
        (_field("multi", "Red"), ["Red", "Blue"], "must be one of the field's options"),
        (_field("multi"), ["a" * 101], "must have at most 100 characters"),
        (_field("multi"), [f"v{number}" for number in range(101)], "must have at most 100 values"),
    ],
)
def test_what_does_not_fit_is_said_without_the_value(field: Field, texts: Sequence[str], allowed: str) -> None:
    with pytest.raises(ValueError, match=f"^{allowed}") as refused:
        from_texts(field, texts)
    assert texts[-1] not in str(refused.value)


def test_mapped_fields_alone_become_values() -> None:
    form = {
        "firm": ["Alder"],
        "money": ["7"],
        "colour": ["red", "Green"],
        "score": ["100"],
        "old": ["x"],
        "mail": ["a@b"],
    }
    assert values_of(form, MAPPING, CATALOGUE) == ({"company": "Alder", "budget": 7, "colours": ["Red", "Green"]}, [])


@pytest.mark.parametrize("blank", ["", "   ", "\t\r\n", "\u00a0"])
def test_a_blank_says_nothing(blank: str) -> None:
    form = {name: [blank] for name in MAPPING}
    assert values_of(form, MAPPING, CATALOGUE) == ({}, [])
    assert email_of(form, MAPPING) is None


def test_a_blank_among_the_values_of_a_set_is_left_out() -> None:
    assert values_of({"colour": ["", "red"]}, MAPPING, CATALOGUE) == ({"colours": ["Red"]}, [])


def test_every_value_that_does_not_fit_is_pointed_at_by_the_forms_field() -> None:
    form = {"money": ["much"], "colour": ["blue"], "firm": ["Alder"]}
    values, findings = values_of(form, MAPPING, CATALOGUE)
    assert values == {"company": "Alder"}
    assert [pointer for pointer, _ in findings] == ["/money", "/colour"]
    assert pointer_to("a/b~c") == "/a~1b~0c"


def test_the_address_is_that_of_the_field_mapped_to_it_trimmed() -> None:
    assert email_of({"mail": [" Ada@Example.com\t"], "email": ["eve@example.com"]}, MAPPING) == (
        "mail",
        "Ada@Example.com",
    )
    assert email_of({"email": ["eve@example.com"]}, MAPPING) is None


def test_only_a_set_may_stand_there_more_than_once() -> None:
    assert not repeats({"colour": ["Red", "Green"], "firm": ["a"], "other": ["a"]}, MAPPING, CATALOGUE)
    for name in ("firm", "mail", "old", "other"):
        assert repeats({name: ["a", "a"]}, MAPPING, CATALOGUE)


def test_all_that_was_submitted_is_the_events_a_lone_text_or_a_list() -> None:
    assert event_form({"a": ["1"], "b": [""], "c": ["1", "2"]}) == {"a": "1", "b": "", "c": ["1", "2"]}
