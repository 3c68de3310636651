"""A change that breaks who holds to a contract is found, one that does not passes."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from deploy.schema_compatibility import breaks
from deploy.schema_files import CONTRACTS, Written, write

Schema = dict[str, Any]


def _schema(name: str) -> Schema:
    return next(contract.schema() for contract in CONTRACTS if contract.name == name)


def _planted(name: str, plant: Callable[[Schema], Any]) -> list[str]:
    """Return what the checker says of a real contract in which a change is planted."""
    changed = deepcopy(_schema(name))
    plant(changed)
    record = next(contract.record for contract in CONTRACTS if contract.name == name)
    return breaks(_schema(name), changed, record=record)


INCOMPATIBLE: dict[str, tuple[str, Callable[[Schema], Any]]] = {
    "a property is removed": ("interaction", lambda new: new["properties"].pop("data")),
    "a required property is removed": (
        "command",
        lambda new: (new["properties"].pop("order"), new["required"].remove("order")),
    ),
    "a property becomes required": ("posted-event", lambda new: new["required"].append("prospectid")),
    "a record no longer promises a property": ("decision", lambda new: new["required"].remove("uid")),
    "a type is another": ("command", lambda new: new["properties"]["version"].update(type="string")),
    "a type is narrower": (
        "snapshot",
        lambda new: new["$defs"]["Values"]["properties"]["fields"].update(type="string"),
    ),
    "null is no longer accepted": ("dead-letter", lambda new: new["properties"]["uid"]["anyOf"].pop()),
    "a value of an enumeration is removed": ("asset", lambda new: new["properties"]["kind"]["enum"].remove("form")),
    "a free text becomes an enumeration": ("asset", lambda new: new["properties"]["name"].update(enum=["a", "b"])),
    "a constant is another": ("interaction", lambda new: new["properties"]["specversion"].update(const="2.0")),
    "an action type is removed": ("actions", lambda new: new["properties"]["actions"]["items"]["oneOf"].pop(3)),
    "a parameter is removed": ("actions", lambda new: new["$defs"]["AdjustScoreParams"]["properties"].pop("max")),
    "a parameter becomes required": (
        "actions",
        lambda new: new["$defs"]["AdjustScoreParams"]["required"].append("min"),
    ),
    "an operator is removed": (
        "actions",
        lambda new: new["$defs"]["Rule"]["properties"]["operator"]["enum"].remove("on"),
    ),
    "a text may be less long": (
        "actions",
        lambda new: new["$defs"]["AddTags"]["properties"]["name"].update(maxLength=9),
    ),
    "a text must be longer": ("actions", lambda new: new["$defs"]["AddTags"]["properties"]["name"].update(minLength=2)),
    "an array may be less long": ("actions", lambda new: new["properties"]["actions"].update(maxItems=5)),
    "a number may be less large": ("command.adjust_score", lambda new: new["properties"]["amount"].update(maximum=9)),
    "a bound is added": ("decision", lambda new: new["properties"]["version"].update(minimum=1)),
    "a pattern is another": ("actions", lambda new: new["$defs"]["AddTags"]["properties"]["id"].update(pattern="^a$")),
    "a pattern is added": ("asset", lambda new: new["properties"]["name"].update(pattern="^a$")),
    "further properties are refused": ("interaction", lambda new: new.update(additionalProperties=False)),
    "what a map holds is narrower": (
        "asset",
        lambda new: new["properties"]["settings"].update(additionalProperties={"type": "string"}),
    ),
    "an array's items are another": ("decision", lambda new: new["properties"]["fired"]["items"].update(type="string")),
}

COMPATIBLE: dict[str, tuple[str, Callable[[Schema], Any]]] = {
    "nothing": ("actions", lambda _new: None),
    "a property is added": ("interaction", lambda new: new["properties"].update(weather={"type": "string"})),
    "a client need no longer send a property": ("posted-event", lambda new: new["required"].remove("specversion")),
    "a value of an enumeration is added": ("asset", lambda new: new["properties"]["kind"]["enum"].append("page")),
    "an alternative is added": (
        "dead-letter",
        lambda new: new["properties"]["uid"]["anyOf"].append({"type": "integer"}),
    ),
    "null is accepted too": (
        "asset",
        lambda new: new["properties"].update(name={"anyOf": [{"type": "string"}, {"type": "null"}]}),
    ),
    "an integer may have a fraction": ("decision", lambda new: new["properties"]["version"].update(type="number")),
    "a bound is looser": ("actions", lambda new: new["properties"]["actions"].update(maxItems=500)),
    "a pattern is dropped": ("actions", lambda new: new["$defs"]["AddTags"]["properties"]["id"].pop("pattern")),
    "a definition has another name": (
        "snapshot",
        lambda new: new.update(json.loads(json.dumps(new).replace("SnapshotData", "Contents"))),
    ),
    "a description is another": ("asset", lambda new: new.update(description="Something else.")),
}


@pytest.mark.parametrize(("name", "plant"), INCOMPATIBLE.values(), ids=INCOMPATIBLE.keys())
def test_it_breaks(name: str, plant: Callable[[Schema], Any]) -> None:
    assert _planted(name, plant)


@pytest.mark.parametrize(("name", "plant"), COMPATIBLE.values(), ids=COMPATIBLE.keys())
def test_it_does_not_break(name: str, plant: Callable[[Schema], Any]) -> None:
    assert _planted(name, plant) == []


def test_a_break_is_told_with_its_place() -> None:
    found = _planted("snapshot", lambda new: new["$defs"]["Values"]["properties"].pop("tags"))
    assert "/data/values/tags: removed" in found


class _Old(BaseModel):
    """A contract."""

    colour: Literal["red", "green"] = "red"


class _Looser(BaseModel):
    """The same contract, later."""

    colour: Literal["red", "green", "blue"] = "red"
    size: int = Field(default=1)


def test_a_compatible_contract_replaces_its_file(tmp_path: Path) -> None:
    assert write([Written("paint", _Old)], tmp_path) == []
    assert write([Written("paint", _Looser)], tmp_path) == []
    assert "blue" in (tmp_path / "paint.v1.json").read_text()


def test_an_incompatible_contract_is_not_written_until_it_has_a_new_version(tmp_path: Path) -> None:
    write([Written("paint", _Looser)], tmp_path)
    before = (tmp_path / "paint.v1.json").read_text()
    assert write([Written("paint", _Old)], tmp_path) == [
        "paint.v1.json/colour: no longer accepts ['blue']",
        "paint.v1.json/size: removed",
    ]
    assert (tmp_path / "paint.v1.json").read_text() == before
    assert write([Written("paint", _Old, version=2)], tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == {"paint.v1.json", "paint.v2.json"}
