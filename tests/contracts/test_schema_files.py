"""The committed JSON Schemas are those of the contracts, and what the machine writes holds to them."""

import json
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from core.values import Values
from deploy.schema_files import CONTRACTS, FOLDER, PARAMS, Written, text_of
from schemas.action_lists import EXECUTOR_OF
from schemas.contract import SCHEMA_VERSION
from tests.support.simulation import World, action_list, interaction

PROSPECT = "6f1e2d3c-0000-4000-8000-000000000003"

ACTIONS: dict[str, dict[str, Any]] = {
    "add_tags": {"tags": ["hot"]},
    "remove_tags": {"tags": ["cold"]},
    "adjust_score": {"op": "add", "amount": 5},
    "convert_to_lead": {},
    "assign_owner": {"pool": ["u1", "u2"]},
    "change_field_value": {"field": "industry", "op": "now"},
    "add_to_list": {"lists": ["l1"]},
    "remove_from_list": {"lists": ["l2"]},
    "send_email": {"template": "t1"},
    "notify_user": {"to": "owner", "text": "Hello"},
    "create_crm_task": {"title": "Call", "due": {"in": "P3D"}},
    "fire_webhook": {"url": "https://example.com/"},
    "execute_lambda": {"function": "enrich"},
}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_the_committed_file_is_up_to_date(contract: Written) -> None:
    assert (FOLDER / contract.file).read_text() == text_of(contract.schema()), "run: python -m deploy.schema_files"


def test_every_file_is_of_a_contract_or_of_an_older_version_of_one() -> None:
    versions = {contract.name: contract.version for contract in CONTRACTS}
    for path in FOLDER.iterdir():
        name, _, version = path.name.removesuffix(".json").rpartition(".v")
        assert 1 <= int(version) <= versions[name]


def test_the_version_of_a_file_is_the_one_that_its_records_carry() -> None:
    for contract in CONTRACTS:
        properties = contract.schema()["properties"]
        if "schema" in properties:
            assert properties["schema"]["const"] == contract.version == SCHEMA_VERSION
        if "dataschema" in properties:
            assert properties["dataschema"]["const"] == f"urn:finish:{contract.name}:{contract.version}"


def test_every_action_type_has_a_file_for_what_its_command_carries() -> None:
    assert PARAMS.keys() == EXECUTOR_OF.keys() == ACTIONS.keys()


def _schema(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.v1.json").read_text()))


def _assert_valid(name: str, document: Any) -> None:
    errors = [error.message for error in Draft202012Validator(_schema(name)).iter_errors(document)]
    assert errors == []


@pytest.fixture(scope="module")
def world() -> World:
    """Return a world in which one click has fired every action there is, and a tag has set off one more."""
    actions = [{"id": name, "type": name, "params": params} for name, params in ACTIONS.items()]
    tagged = {"id": "cascade", "type": "adjust_score", "trigger": "tag_added", "params": {"op": "add", "amount": 1}}
    of_world = World(
        [action_list("link", "redirect_link", actions), action_list("prospect", "prospect", [tagged])],
    )
    of_world.create(PROSPECT, Values(tags=("cold",), lists={"l2": "subscribed"}))
    of_world.accept(PROSPECT, 1)
    of_world.settle()
    return of_world


def test_the_interactions_and_snapshots_of_the_log_hold_to_their_files(world: World) -> None:
    for _, value in world.log:
        document = orjson.loads(value)
        _assert_valid("snapshot" if document["type"] == "prospect.snapshot" else "interaction", document)
    _assert_valid("interaction", orjson.loads(interaction(PROSPECT, 2)))


def test_the_commands_that_the_machine_emits_hold_to_their_files(world: World) -> None:
    commands = [orjson.loads(value) for value in world.emitted.values()]
    assert {command["type"] for command in commands} == ACTIONS.keys()
    for command in commands:
        _assert_valid("command", command)
        _assert_valid(f"command.{command['type']}", command["params"])


def test_the_decisions_that_the_machine_emits_hold_to_their_file(world: World) -> None:
    assert len(world.decisions) == 2
    for value in world.decisions.values():
        _assert_valid("decision", orjson.loads(value))


def test_the_lists_that_the_machine_reads_hold_to_their_files() -> None:
    actions = [
        {"id": name, "name": name, "trigger": "clicked", "type": name, "params": params}
        for name, params in ACTIONS.items()
    ]
    _assert_valid("actions", {"actions": actions})
    _assert_valid("action-list", action_list("link", "redirect_link", actions))
