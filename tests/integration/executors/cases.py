"""One case per record executor, for the laws that hold for all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

LEAD = str(uuid4())


@dataclass(frozen=True)
class Case:
    """`effective(n)` is the parameters of the n-th command of a prospect, which changes its record; `idle` those of one that
    changes nothing on a record with `columns`; `wrong` those that no record can take."""

    executor: str
    type: str
    effective: Callable[[int], Mapping[str, Any]]
    idle_type: str
    idle: Mapping[str, Any]
    wrong: Mapping[str, Any]
    columns: Mapping[str, Any] = field(default_factory=dict)


def _text(**params: Any) -> dict[str, Any]:
    return {"field": "company", "type": "text", "only_if_empty": False, **params}


def _lead(**params: Any) -> dict[str, Any]:
    return {"lead_id": LEAD, "status": "new", "owner": None, "source": None, "on_existing": "update", **params}


CASES = [
    Case(
        "tags", "add_tags", lambda n: {"tags": [f"tag {n}"]}, "remove_tags", {"tags": ["absent"]}, {"tags": ["x" * 101]}
    ),
    Case(
        "score",
        "adjust_score",
        lambda n: {"op": "add", "amount": n + 1},
        "adjust_score",
        {"op": "add", "amount": 0},
        {"op": "add", "amount": "many"},
    ),
    Case(
        "fields",
        "change_field_value",
        lambda n: _text(op="append", value=f"v{n}"),
        "change_field_value",
        _text(op="clear"),
        _text(op="set", value=5),
    ),
    Case(
        "owner",
        "assign_owner",
        lambda n: {"user": ["ann", "bob", "cid"][n % 3], "overwrite": "always"},
        "assign_owner",
        {"user": None, "overwrite": "always"},
        {"user": "ann"},
    ),
    Case(
        "lists",
        "add_to_list",
        lambda n: {"lists": [f"list-{n}"]},
        "remove_from_list",
        {"lists": ["absent"]},
        {"lists": []},
    ),
    Case(
        "leads",
        "convert_to_lead",
        lambda n: _lead(status=f"status {n}"),
        "convert_to_lead",
        _lead(on_existing="skip"),
        _lead(on_existing="perhaps"),
        {"lead_id": UUID(LEAD)},
    ),
]

every_executor = pytest.mark.parametrize("case", CASES, ids=lambda case: case.executor)
