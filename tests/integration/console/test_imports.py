"""Import: each prospect is created, changed, skipped or refused by itself, and triggers are raised only if that is asked for."""

from typing import Any
from uuid import UUID

import pytest

from services.console.settings import Console
from tests.integration.console.conftest import Running
from tests.support.workspace import Refusal


async def bring_in(console: Running, *prospects: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return list((await console.work.api("POST", "/import", {"prospects": prospects, **more}))["results"])


async def changes(console: Running) -> list[Any]:
    rows = await console.rows(
        "SELECT payload -> 'data' -> 'change' AS change FROM outbox WHERE type LIKE 'snapshot%' ORDER BY seq"
    )
    return [row["change"] for row in rows]


async def test_each_is_created_changed_or_left_and_what_is_wrong_with_one_keeps_no_other_out(console: Running) -> None:
    results = await bring_in(
        console,
        {
            "email": "ada@example.com",
            "external_id": "crm-1",
            "fields": {"company": "Alder"},
            "tags": ["vip"],
            "score": 7,
        },
        {"email": "bob@example.com", "fields": {"nothing": 1}},
        {"score": 1},
        {"email": "ADA@example.com", "fields": {"title": "Dr"}},
        {"external_id": "crm-1", "fields": {"title": "Dr"}},
        {"external_id": "crm-2"},
        {"email": "ada@example.com", "external_id": "crm-2", "lists": ["none"]},
        {"external_id": "crm-2", "email": "ada@example.com"},
        {"email": "ada@example.com", "owner": "nobody"},
    )
    assert [result["outcome"] for result in results] == [
        "created", "refused", "refused", "updated", "unchanged", "created", "refused", "refused", "refused",
    ]  # fmt: skip
    assert [error["pointer"] for result in results for error in result["errors"]] == [
        "/prospects/1/fields/nothing",
        "/prospects/2",
        "/prospects/6/lists/0",
        "/prospects/7/email",
        "/prospects/8/owner",
    ]
    ada = await console.work.record(results[0]["id"])
    assert (ada["email"], ada["score"], ada["tags"]) == ("ADA@example.com", 7, ["vip"])
    assert ada["fields"] == {"company": "Alder", "title": "Dr"}
    assert await console.count("prospects") == 2
    rows = await console.rows("SELECT value, prospect_id FROM prospect_identities ORDER BY value")
    assert [(row["value"], str(row["prospect_id"])) for row in rows] == [
        ("crm-1", results[0]["id"]),
        ("crm-2", results[5]["id"]),
    ]


async def test_an_id_that_is_anothers_is_refused_and_known_ones_are_skipped_if_so_asked(console: Running) -> None:
    first, second = await bring_in(
        console, {"email": "ada@example.com", "external_id": "1"}, {"email": "bob@example.com", "external_id": "2"}
    )
    (skipped,) = await bring_in(console, {"external_id": "2", "score": 9}, on_existing="skip")
    assert skipped == {"outcome": "skipped", "id": second["id"], "errors": []}
    assert (await console.work.record(second["id"]))["score"] == 0
    await console.rows("DELETE FROM prospect_identities WHERE value = '2'")
    await console.rows("UPDATE prospect_identities SET prospect_id = $1", UUID(second["id"]))
    (refused,) = await bring_in(console, {"email": "ada@example.com", "external_id": "3", "score": 2})
    assert refused["outcome"] == "updated"
    assert first["id"] == refused["id"]


@pytest.fixture
def settings(settings: Console) -> Console:
    return settings.model_copy(update={"publish_timeout_s": 3.0})


@pytest.mark.parametrize("fire", [False, True])
async def test_changes_raise_triggers_only_if_that_is_asked_for(unpublished: Running, fire: bool) -> None:
    body = {"prospects": [{"email": "ada@example.com"}, {"email": "ada@example.com", "score": 5}], "fire": fire}
    with pytest.raises(Refusal) as late:  # nobody publishes here
        await unpublished.work.api("POST", "/import", body)
    assert late.value.status == 504
    made, changed = await changes(unpublished)
    assert [each is None for each in (made, changed)] == [not fire] * 2
    if fire:
        assert made["before"] is None
        assert changed["before"] is not None
        assert changed["by"].startswith("api:")


async def test_what_is_no_import_is_refused_as_a_whole(unpublished: Running) -> None:
    for body, pointer in (
        ({"prospects": []}, "/prospects"),
        ({"prospects": [{"email": "x"}]}, "/prospects/0/email"),
        ({"prospects": [{"email": "a@b", "consent": "granted"}]}, "/prospects/0/consent"),
        ({"prospects": [{"external_id": str(number)} for number in range(1001)]}, "/prospects"),
    ):
        with pytest.raises(Refusal) as refused:
            await unpublished.work.api("POST", "/import", body)
        assert (refused.value.status, refused.value.body["errors"][0]["pointer"]) == (422, pointer)
    assert await unpublished.count("prospects") == 0
