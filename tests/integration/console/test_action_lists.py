import asyncio
from typing import Any

import pytest

from tests.integration.console.conftest import Running
from tests.support.workspace import Refusal

TAG: dict[str, Any] = {"name": "Tag", "trigger": "clicked", "type": "add_tags", "params": {"tags": ["x"]}}
SCORE: dict[str, Any] = {
    "name": "Score",
    "trigger": "clicked",
    "type": "adjust_score",
    "params": {"op": "add", "amount": 5},
}
POOL: dict[str, Any] = {
    "id": "pool",
    "name": "Pool",
    "trigger": "clicked",
    "type": "assign_owner",
    "params": {"pool": ["ann", "bob"]},
}


async def users(console: Running, *ids: str) -> None:
    for each in ids:
        await console.work.api("POST", "/users", {"id": each, "name": each, "email": f"{each}@example.com"})


async def ids(console: Running, asset: str) -> list[str]:
    return [action["id"] for action in (await console.work.api("GET", f"/assets/{asset}/actions"))["actions"]]


async def test_every_write_makes_a_version_and_all_are_kept(console: Running) -> None:
    asset = await console.work.asset()
    path = f"/assets/{asset}/actions"
    assert await console.work.api("GET", path) == {"version": 0, "actions": []}
    await console.work.api("PUT", path, {"actions": [{**TAG, "id": "a"}, {**SCORE, "id": "b"}]})
    await console.work.api("POST", path, {**SCORE, "id": "c"})
    await console.work.api("PATCH", f"{path}/a", {"enabled": False})
    await console.work.api("PUT", f"{path}/order", {"order": ["c", "b", "a"]})
    last = await console.work.api("DELETE", f"{path}/b")
    assert last["version"] == 5
    assert await ids(console, asset) == ["c", "a"]
    versions = [await console.work.api("GET", path, params={"version": str(version)}) for version in range(6)]
    assert [[action["id"] for action in each["actions"]] for each in versions] == [
        [],
        ["a", "b"],
        ["a", "b", "c"],
        ["a", "b", "c"],
        ["c", "b", "a"],
        ["c", "a"],
    ]
    assert [action["enabled"] for action in versions[3]["actions"]] == [False, True, True]


async def test_an_edit_of_a_version_that_is_not_the_newest_is_412(console: Running) -> None:
    asset = await console.work.asset([TAG])
    path = f"/assets/{asset}/actions"
    seen = {"If-Match": '"1"'}
    assert (await console.work.api("POST", path, SCORE, headers=seen))["version"] == 2
    (first, second) = await ids(console, asset)
    edits: list[tuple[str, str, Any]] = [
        ("PUT", path, {"actions": []}),
        ("POST", path, SCORE),
        ("PATCH", f"{path}/{first}", {"enabled": False}),
        ("DELETE", f"{path}/{first}", None),
        ("PUT", f"{path}/order", {"order": [second, first]}),
    ]
    for method, where, body in edits:
        with pytest.raises(Refusal) as refused:
            await console.work.api(method, where, body, headers=seen)
        assert refused.value.status == 412
    assert await ids(console, asset) == [first, second]


async def test_of_two_edits_of_the_same_version_one_is_lost_loudly(console: Running) -> None:
    asset = await console.work.asset([TAG])
    path = f"/assets/{asset}/actions"
    answers = await asyncio.gather(
        *(console.work.api("POST", path, SCORE, headers={"If-Match": '"1"'}) for _ in range(5)), return_exceptions=True
    )
    assert sorted(getattr(answer, "status", 200) for answer in answers) == [200, 412, 412, 412, 412]
    assert len(await ids(console, asset)) == 2


async def test_edits_without_a_guard_are_all_there(console: Running) -> None:
    asset = await console.work.asset()
    path = f"/assets/{asset}/actions"
    answers = await asyncio.gather(*(console.work.api("POST", path, SCORE) for _ in range(5)))
    assert sorted(answer["version"] for answer in answers) == [1, 2, 3, 4, 5]
    assert len(await ids(console, asset)) == 5


async def test_pointers_lead_into_the_clients_document(console: Running) -> None:
    asset = await console.work.asset([{**TAG, "id": "a"}])
    path = f"/assets/{asset}/actions"
    rules = {"rules": [{"rules": [{"field": "original.nope", "operator": "="}]}]}
    wrong: list[tuple[str, str, Any, set[str]]] = [
        (
            "PUT",
            path,
            {"actions": [TAG, {**TAG, "params": {"tagz": ["x"]}}]},
            {"/actions/1/params/tags", "/actions/1/params/tagz"},
        ),
        ("PUT", path, {"actions": [{**TAG, "trigger": "opened"}]}, {"/actions/0/trigger"}),
        ("PUT", path, {"actions": [{**TAG, "criteria": rules}]}, {"/actions/0/criteria/rules/0/rules/0/field"}),
        ("PUT", path, {"actions": [{**TAG, "id": "b"}, {**TAG, "id": "b"}]}, {"/actions/1/id"}),
        ("PUT", path, {"actions": [{**TAG, "type": "add_tag"}]}, {"/actions/0"}),
        ("PUT", path, {"actions": [POOL]}, {"/actions/0/params/pool/0", "/actions/0/params/pool/1"}),
        ("PUT", path, {"action": []}, {"/actions", "/action"}),
        ("POST", path, {**TAG, "trigger": "opened"}, {"/trigger"}),
        ("POST", path, {**SCORE, "params": {"op": "add", "amount": "5"}}, {"/params/amount"}),
        ("PATCH", f"{path}/a", {"criteria": rules}, {"/criteria/rules/0/rules/0/field"}),
        ("PATCH", f"{path}/a", {"params": {"tags": []}}, {"/params/tags"}),
        ("PUT", f"{path}/order", {"order": ["a", "a"]}, {"/order"}),
    ]
    for method, where, body, expected in wrong:
        with pytest.raises(Refusal) as refused:
            await console.work.api(method, where, body)
        assert refused.value.status == 422
        assert {error["pointer"] for error in refused.value.body["errors"]} == expected
    assert (await console.work.api("GET", path))["version"] == 1


async def test_an_id_that_the_list_has_is_409(console: Running) -> None:
    asset = await console.work.asset([{**TAG, "id": "a"}])
    with pytest.raises(Refusal) as refused:
        await console.work.api("POST", f"/assets/{asset}/actions", {**SCORE, "id": "a"})
    assert refused.value.status == 409


async def test_what_is_not_there_is_404(console: Running) -> None:
    asset = await console.work.asset([TAG])
    missing: list[tuple[str, str, Any]] = [
        ("GET", "/assets/none/actions", None),
        ("PUT", "/assets/none/actions", {"actions": []}),
        ("GET", f"/assets/{asset}/actions?version=2", None),
        ("PATCH", f"/assets/{asset}/actions/none", {"enabled": False}),
        ("DELETE", f"/assets/{asset}/actions/none", None),
    ]
    for method, path, body in missing:
        with pytest.raises(Refusal) as refused:
            await console.work.api(method, path, body)
        assert refused.value.status == 404


async def test_the_list_of_record_triggers_is_saved_like_any_other(console: Running) -> None:
    saved = await console.work.api("PUT", "/assets/prospect/actions", {"actions": [{**TAG, "trigger": "tag_added"}]})
    assert saved["version"] == 1


async def test_a_switch_of_a_user_makes_versions_of_the_lists_with_his_pools(console: Running) -> None:
    await users(console, "ann", "bob", "eve")
    with_pool = await console.work.asset([POOL, TAG])
    without = await console.work.asset([TAG])
    other = await console.work.asset([{**POOL, "params": {"pool": ["eve"]}}])
    await console.work.api("PATCH", "/users/bob", {"enabled": False})
    rows = await console.rows("SELECT asset_id, document FROM action_lists ORDER BY version DESC, asset_id")
    newest = {row["asset_id"]: row["document"] for row in reversed(rows)}
    assert (newest[with_pool]["version"], newest[with_pool]["disabled_users"]) == (2, ["bob"])
    assert (newest[without]["version"], newest[other]["version"]) == (1, 1)
    assert (
        newest[with_pool]["actions"] == [row["document"]["actions"] for row in rows if row["asset_id"] == with_pool][-1]
    )
    await console.work.api("PATCH", "/users/bob", {"name": "Robert"})
    await console.work.api("PATCH", "/users/bob", {"enabled": True})
    (row,) = await console.rows("SELECT document FROM action_lists WHERE asset_id = $1 AND version = 3", with_pool)
    assert row["document"]["disabled_users"] == []
    assert (await console.work.api("GET", f"/assets/{with_pool}/actions"))["version"] == 3


async def test_a_save_knows_who_is_disabled_already(console: Running) -> None:
    await users(console, "ann", "bob")
    await console.work.api("PATCH", "/users/ann", {"enabled": False})
    await console.work.asset([POOL])
    (row,) = await console.rows("SELECT document FROM action_lists")
    assert row["document"]["disabled_users"] == ["ann"]


async def test_saves_and_switches_at_the_same_time_agree_in_the_end(console: Running) -> None:
    await users(console, "ann", "bob")
    assets = [await console.work.asset([POOL]) for _ in range(3)]
    saves = [console.work.api("PUT", f"/assets/{asset}/actions", {"actions": [POOL, TAG]}) for asset in assets * 3]
    switches = [console.work.api("PATCH", "/users/bob", {"enabled": False})]
    await asyncio.gather(*saves[:4], *switches, *saves[4:])
    rows = await console.rows(
        "SELECT DISTINCT ON (asset_id) document FROM action_lists ORDER BY asset_id, version DESC"
    )
    assert [row["document"]["disabled_users"] for row in rows] == [["bob"]] * 3
