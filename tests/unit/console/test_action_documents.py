from typing import Any

import orjson
import pytest

from schemas.action_lists import Actions
from services.chassis.problems import Problem
from services.console.handlers.action_lists import changed, document, with_id, with_ids

TAGS: dict[str, Any] = {"id": "a", "name": "Tag", "trigger": "clicked", "type": "add_tags", "params": {"tags": ["x"]}}


def parsed(*actions: dict[str, Any]) -> list[dict[str, Any]]:
    body = orjson.dumps(with_ids({"actions": list(actions)}))
    return [document(action) for action in Actions.model_validate_json(body).actions]


def test_an_action_without_an_id_is_given_one() -> None:
    first, second = parsed({**TAGS, "id": None}, {name: value for name, value in TAGS.items() if name != "id"})
    assert first["id"].startswith("tag-")
    assert first["id"] != second["id"]


def test_an_id_that_was_given_stays() -> None:
    assert with_id(TAGS) == TAGS


@pytest.mark.parametrize("body", [None, 3, [], {}, {"actions": None}, {"actions": "x"}, {"actions": [1, None]}])
def test_what_is_no_list_of_actions_is_left_for_the_check(body: Any) -> None:
    assert with_ids(body) == body


def test_a_version_keeps_every_default() -> None:
    assert parsed(TAGS) == [{**TAGS, "enabled": True, "frequency": "every", "on_failure": "hold"}]


@pytest.mark.parametrize(
    "action",
    [
        TAGS,
        {
            **TAGS,
            "criteria": {"combinator": "or", "not": True, "rules": [{"field": "original.score", "operator": "null"}]},
        },
        {**TAGS, "frequency": {"once_per": "P7D"}, "on_failure": "continue"},
        {**TAGS, "type": "change_field_value", "params": {"field": "city", "op": "copy", "from": "event.form.city"}},
        {**TAGS, "type": "assign_owner", "params": {"pool": ["ann", "bob"]}},
        {**TAGS, "type": "send_email", "params": {"template": "t", "class": "transactional"}, "delay": "PT5M"},
        {**TAGS, "type": "create_crm_task", "params": {"title": "Call", "due": {"at": "2026-01-31T10:00:00Z"}}},
        {**TAGS, "type": "fire_webhook", "params": {"url": "https://example.com/"}, "run_at": "2026-01-31T10:00:00Z"},
    ],
)
def test_what_a_version_keeps_can_be_saved_again_unchanged(action: dict[str, Any]) -> None:
    once = parsed(action)
    assert parsed(*once) == once


def test_a_change_replaces_the_keys_that_it_names() -> None:
    action = changed(parsed(TAGS)[0], {"name": "Other", "params": {"tags": ["y"]}, "enabled": False})
    assert action["name"] == "Other"
    assert action["params"] == {"tags": ["y"]}
    assert action["enabled"] is False
    assert action["trigger"] == "clicked"


def test_null_takes_the_criteria_away() -> None:
    rules = {"rules": [{"field": "original.score", "operator": ">", "value": 1}]}
    with_criteria = parsed({**TAGS, "criteria": rules})[0]
    assert "criteria" not in changed(with_criteria, {"criteria": None})


def test_a_change_to_another_type_needs_its_params() -> None:
    with pytest.raises(Problem) as raised:
        changed(parsed(TAGS)[0], {"type": "adjust_score"})
    assert raised.value.status == 422
    assert "/params/op" in {error.pointer for error in raised.value.errors}


def test_an_action_keeps_its_id() -> None:
    with pytest.raises(Problem) as raised:
        changed(parsed(TAGS)[0], {"id": "b"})
    assert [error.pointer for error in raised.value.errors] == ["/id"]
