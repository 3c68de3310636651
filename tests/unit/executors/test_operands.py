"""What a command's parameters become for the statement, and which are refused whatever the record holds."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.chassis.errors import PermanentError
from services.executors.executor import RecordAction
from services.executors.registry import ACTIONS

OPERANDS = {action.type: action.operands for action in ACTIONS if isinstance(action, RecordAction)}


def _change(op: str, value: Any = None, kind: str = "text") -> dict[str, Any]:
    return OPERANDS["change_field_value"]({"field": "f", "type": kind, "op": op, "value": value})


@pytest.mark.parametrize(
    ("op", "value", "kind", "stored"),
    [
        ("set", 5.0, "number", 5),
        ("set", 0.1, "number", 0.1),
        ("increment", -2, "number", -2),
        ("append", "one", "multi", ["one"]),
        ("append", ["one", "two"], "multi", ["one", "two"]),
        ("clear", None, "date", None),
    ],
)
def test_a_value_takes_the_form_in_which_it_is_stored(op: str, value: Any, kind: str, stored: Any) -> None:
    found = _change(op, value, kind)["value"]
    assert (found, type(found)) == (stored, type(stored))


@pytest.mark.parametrize(
    ("op", "value", "kind"),
    [
        ("set", 10**11, "number"),
        ("set", 0.00001, "number"),
        ("set", True, "number"),
        ("set", "5", "number"),
        ("set", 1, "bool"),
        ("set", "x" * 4001, "text"),
        ("set", "nul\x00", "text"),
        ("set", None, "text"),
        ("set", ["x"] * 101, "multi"),
        ("set", [1], "multi"),
        ("append", "x", "number"),
        ("append", "x", "date"),
        ("increment", 1, "text"),
        ("increment", "1", "number"),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_refused(op: str, value: Any, kind: str) -> None:
    with pytest.raises(PermanentError):
        _change(op, value, kind)


@pytest.mark.parametrize("action_type", sorted(OPERANDS))
def test_parameters_of_another_shape_are_refused(action_type: str) -> None:
    with pytest.raises(ValidationError):
        OPERANDS[action_type]({"shape": "other"})
