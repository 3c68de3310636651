"""The demo's lists are ones that the console would save, and use whatever can be carried out."""

import json
from random import Random
from typing import Any

import pytest

from core.definition_check import check_actions
from core.references import References
from deploy.demo import campaign
from deploy.demo.people import people
from deploy.demo.script import Follow, Patch, Post, Submit, Touch, script
from schemas.action_lists import EXECUTOR_OF, Actions
from schemas.field_catalogue import BUILT_IN, Field
from schemas.triggers import TRIGGERS
from services.executors.registry import ACTIONS, executors

KINDS: dict[str, Any] = {key: asset["kind"] for key, asset in campaign.ASSETS.items()} | {"prospect": "prospect"}
LISTS = {**campaign.lists("mail-1", "https://hooks.example.com"), "prospect": campaign.record_list("demo-1")}
CATALOGUE = {
    field.name: field for field in (*BUILT_IN, *(Field.model_validate_json(json.dumps(f)) for f in campaign.FIELDS))
}


@pytest.mark.parametrize("asset", LISTS)
def test_every_list_would_be_saved(asset: str) -> None:
    references = References(users=campaign.USERS, lists=campaign.LISTS, templates=["mail-1"])
    actions: list[dict[str, Any]] = LISTS[asset]
    Actions.model_validate_json(json.dumps({"actions": actions}))
    assert check_actions(actions, KINDS[asset], CATALOGUE, references) == []


def test_every_executor_and_every_record_action_there_is_has_a_part() -> None:
    used = {action["type"] for actions in LISTS.values() for action in actions}
    assert used == {action.type for action in ACTIONS} & set(EXECUTOR_OF)
    assert {EXECUTOR_OF[kind] for kind in used} == set(executors())


def test_every_trigger_of_records_is_listened_to() -> None:
    assert {action["trigger"] for action in LISTS["prospect"]} == set(TRIGGERS["prospect"])


def test_the_same_seed_gives_the_same_people_and_script() -> None:
    lists = tuple(campaign.LISTS)
    assert list(people(20, "r", Random(1), campaign.USERS, lists)) == list(
        people(20, "r", Random(1), campaign.USERS, lists)
    )
    assert script(20, 60, Random(1)) == script(20, 60, Random(1)) != script(20, 60, Random(2))


def test_every_prospect_lives_in_one_lane_and_its_repeats_follow_their_first() -> None:
    lanes = script(200, 800, Random(2))
    home: dict[int, int] = {}
    seen: set[int] = set()
    for number, lane in enumerate(lanes):
        touches = [touch for step in lane for touch in (step.touches if isinstance(step, Post) else (step,))]
        assert all(home.setdefault(touch.person, number) == number for touch in touches)
        numbers = [touch.event_number for touch in touches if isinstance(touch, Touch)]
        seen |= set(numbers)
        assert len(numbers) >= len(set(numbers))
    assert seen == set(range(len(seen)))
    assert {type(step) for lane in lanes for step in lane} == {Post, Patch, Submit, Follow}
