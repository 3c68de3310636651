"""The model's reading of a submitted form, worked out by hand."""

from tests.chaos.model.forms import as_event, mapped

FORM = [
    ("mail", "a@b"),
    ("money", "50000"),
    ("firm", ""),
    ("ticked", "x"),
    ("ticked", "y"),
    ("ticked", "x"),
    ("other", "1"),
]


def test_mapped_fields_are_typed_and_blanks_and_the_address_left_out() -> None:
    mapping = {"mail": "email", "money": "budget", "firm": "company", "ticked": "interests", "absent": "city"}
    types = {"budget": "number", "company": "text", "interests": "multi", "city": "text"}
    assert mapped(FORM, mapping, types) == {"budget": 50000, "interests": ["x", "y"]}
    assert mapped([("n", "120000.50")], {"n": "budget"}, types) == {"budget": 120000.5}


def test_everything_submitted_is_readable_from_the_event() -> None:
    assert as_event(FORM) == {"mail": "a@b", "money": "50000", "firm": "", "ticked": ["x", "y", "x"], "other": "1"}
