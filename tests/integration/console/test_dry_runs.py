"""Dry runs: what an interaction would set off, refused as a save and a post would be, and nothing comes of it."""

from typing import Any, Final
from uuid import uuid4

import pytest

from tests.integration.console.conftest import Running
from tests.support.workspace import Refusal, fired, not_fired_because

HOT: Final[dict[str, Any]] = {"rules": [{"field": "original.score", "operator": ">=", "value": 10}]}
ACTIONS: Final[list[dict[str, Any]]] = [
    {"id": "plus", "type": "adjust_score", "params": {"op": "add", "amount": 5}},
    {"id": "hot", "type": "add_tags", "params": {"tags": ["hot"]}, "criteria": HOT},
    {"id": "once", "type": "add_tags", "params": {"tags": ["seen"]}, "frequency": {"once": True}},
    {
        "id": "stamp",
        "type": "change_field_value",
        "params": {"field": "company", "op": "copy", "from": "event.form.firm"},
    },
]
TABLES: Final = "prospects", "outbox", "decisions", "command_ledger", "dead_letters", "action_lists"


async def dry_run(console: Running, asset: str, prospect: str, **body: Any) -> dict[str, Any]:
    asked = {"type": "redirect_link.clicked", "prospect_id": prospect, **body}
    return dict(await console.work.api("POST", f"/assets/{asset}/dry-run", asked))


async def refused(console: Running, asset: str, prospect: str, **body: Any) -> tuple[int, set[str]]:
    with pytest.raises(Refusal) as refusal:
        await dry_run(console, asset, prospect, **body)
    return refusal.value.status, {error["pointer"] for error in refusal.value.body.get("errors", ())}


async def counts(console: Running) -> list[int]:
    return [await console.count(table) for table in TABLES]


async def test_the_saved_list_is_judged_on_the_record_as_it_is_and_nothing_comes_of_it(console: Running) -> None:
    asset = await console.work.asset(ACTIONS)
    prospect = await console.work.prospect(score=5)
    before = await counts(console)
    data = {"ip": "203.0.113.7", "form": {"firm": "Acme"}}
    answers = [await dry_run(console, asset, prospect, data=data) for _ in range(6)]
    answer = answers[0]
    assert all(each == answer for each in answers), "spam or a frequency was counted"
    assert await counts(console) == before
    assert fired(answer) == {"plus": True, "hot": False, "once": True, "stamp": True}
    assert not_fired_because(answer) == {"hot": "criteria"}
    (condition,) = answer["decision"]["actions"][1]["conditions"]
    assert condition == {
        "field": "original.score",
        "operator": ">=",
        "expected": 10,
        "seen": 5,
        "result": False,
    }
    assert (answer["decision"]["version"], answer["prospect_version"], answer["derived"]) == (1, 1, [])
    assert [(one["action_id"], one["params"]) for one in answer["commands"]] == [
        ("plus", {"op": "add", "amount": 5}),
        ("once", {"tags": ["seen"]}),
        ("stamp", {"field": "company", "type": "text", "op": "set", "value": "Acme", "only_if_empty": False}),
    ]


async def test_actions_that_are_not_saved_are_judged_as_the_version_that_they_would_be(console: Running) -> None:
    asset = await console.work.asset(ACTIONS)
    prospect = await console.work.prospect(score=10)
    unsaved = [{"name": "Warm", "trigger": "clicked", "type": "add_tags", "params": {"tags": ["warm"]}}]
    answer = await dry_run(console, asset, prospect, actions=unsaved)
    assert answer["decision"]["version"] == 2
    assert [command["params"] for command in answer["commands"]] == [{"tags": ["warm"]}]
    assert (await dry_run(console, asset, prospect, actions=[]))["decision"]["actions"] == []
    assert fired(await dry_run(console, asset, prospect))["hot"] is True


async def test_what_a_command_would_set_off_is_told_too(console: Running) -> None:
    criteria = {"rules": [{"field": "event.tags", "operator": "anyOf", "value": ["visitor"]}]}
    ten = {"id": "ten", "trigger": "tag_added", "type": "adjust_score", "params": {"op": "add", "amount": 10}}
    await console.work.save("prospect", [{**ten, "criteria": criteria}])
    asset = await console.work.asset([{"id": "visit", "type": "add_tags", "params": {"tags": ["visitor"]}}])
    answer = await dry_run(console, asset, await console.work.prospect())
    (derived,) = answer["derived"]
    assert (derived["type"], derived["depth"], derived["caused_by"]) == ("prospect.tag_added", 1, answer["uid"])
    assert fired(derived) == {"ten": True}
    assert [command["action_id"] for command in answer["commands"] + derived["commands"]] == ["visit", "ten"]


async def test_a_change_of_the_record_is_given_as_a_patch_would_be(console: Running) -> None:
    changed = {"rules": [{"field": "original.industry", "operator": "changedTo", "value": "construction"}]}
    await console.work.save(
        "prospect",
        [
            {"id": "builds", "trigger": "updated", "type": "add_tags", "params": {"tags": ["b"]}, "criteria": changed},
            {"id": "tagged", "trigger": "tag_added", "type": "adjust_score", "params": {"op": "add", "amount": 1}},
        ],
    )
    prospect = await console.work.prospect(fields={"industry": "farming"}, tags=["a"])
    change = {"fields": {"industry": "construction"}, "tags": ["a", "c"]}
    answer = await dry_run(console, "prospect", prospect, type="prospect.updated", data=change)
    assert fired(answer) == {"builds": True, "tagged": False}
    (condition,) = answer["decision"]["actions"][0]["conditions"]
    assert (condition["before"], condition["seen"]) == ("farming", "construction")
    assert [one["type"] for one in answer["derived"]] == ["prospect.tag_added", "prospect.tag_added"]
    assert (await console.work.record(prospect))["fields"] == {"industry": "farming"}
    for type_, data, pointer in (
        ("prospect.updated", {"tags": ["new"]}, "/data"),
        ("prospect.converted", change, "/data"),
        ("prospect.updated", {"fields": {"industry": 7, "nothing": 1}}, "/data/fields/nothing"),
        ("prospect.updated", {"colour": "red"}, "/data/colour"),
    ):
        status, pointers = await refused(console, "prospect", prospect, type=type_, data=data)
        assert status == 422
        assert pointer in pointers


async def test_what_is_wrong_is_pointed_at_as_a_save_would(console: Running) -> None:
    asset = await console.work.asset(ACTIONS)
    prospect, erased = await console.work.prospect(), await console.work.prospect()
    await console.work.api("DELETE", f"/prospects/{erased}")
    action = {"name": "A", "trigger": "clicked", "type": "add_tags", "params": {"tags": ["x"]}}
    for body, pointers in (
        ({"prospect_id": str(uuid4())}, {"/prospect_id"}),
        ({"prospect_id": erased}, {"/prospect_id"}),
        ({"prospect_id": "x"}, {"/prospect_id"}),
        ({"type": "form.submitted"}, {"/type"}),
        ({"type": "prospect.updated"}, {"/type"}),
        ({"type": "nonsense"}, {"/type"}),
        ({"data": {"ip": 7}}, {"/data/ip"}),
        ({"at": "yesterday"}, {"/at"}),
        ({"colour": "red"}, {"/colour"}),
        ({"actions": [{**action, "trigger": "opened"}]}, {"/actions/0/trigger"}),
        ({"actions": [{**action, "params": {"tags": []}}]}, {"/actions/0/params/tags"}),
        ({"actions": [action, {**action, "id": "a", "criteria": "x"}]}, {"/actions/1/criteria"}),
        (
            {"actions": [{**action, "type": "assign_owner", "params": {"user": "nobody"}}], "type": "form.submitted"},
            {"/type", "/actions/0/params/user"},
        ),
    ):
        assert await refused(console, asset, prospect, **body) == (422, pointers), body
    assert await refused(console, "none", prospect) == (404, set())


async def test_the_moment_may_be_another(console: Running) -> None:
    within = {"rules": [{"field": "original.renewal", "operator": "withinLast", "value": "P7D"}]}
    await console.work.api("POST", "/catalogue", {"name": "renewal", "type": "date", "label": "Renewal"})
    asset = await console.work.asset([{**ACTIONS[0], "criteria": within}])
    prospect = await console.work.prospect(fields={"renewal": "2026-01-31"})
    soon = await dry_run(console, asset, prospect, at="2026-02-02T12:00:00Z")
    late = await dry_run(console, asset, prospect, at="2026-03-02T12:00:00Z")
    assert (fired(soon), fired(late)) == ({"plus": True}, {"plus": False})
