import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.console.conftest import Running
from tests.support.workspace import Refusal


def pointers(refusal: Refusal) -> set[str]:
    return {error["pointer"] for error in refusal.body["errors"]}


async def test_a_prospect_is_read_as_it_was_created(console: Running) -> None:
    work = console.work
    await work.api("POST", "/users", {"id": "ann", "name": "Ann", "email": "ann@example.com"})
    await work.api("POST", "/lists", {"id": "news", "name": "News"})
    created = await work.api(
        "POST",
        "/prospects",
        {
            "email": " Eve@Example.com ",
            "score": -3,
            "owner": "ann",
            "tags": ["Hot", "hot", "VIP"],
            "lists": ["news"],
            "fields": {"company": "Acme", "city": None},
        },
    )
    assert created == await work.record(created["id"])
    assert created | {"id": ""} == {
        "id": "",
        "version": 1,
        "email": "Eve@Example.com",
        "score": -3,
        "owner": "ann",
        "tags": ["Hot", "VIP"],
        "lists": [{"id": "news", "status": "subscribed"}],
        "consent": "none",
        "lead_id": None,
        "fields": {"company": "Acme"},
    }


async def test_an_email_address_belongs_to_one_prospect_however_it_is_written(console: Running) -> None:
    first = await console.work.prospect(email="J\u00fcrgen@example.com")
    second = await console.work.prospect(email="other@example.com")
    with pytest.raises(Refusal) as created:
        await console.work.prospect(email="JU\u0308RGEN@EXAMPLE.COM")
    with pytest.raises(Refusal) as changed:
        await console.work.api("PATCH", f"/prospects/{second}", {"email": "J\u00dcRGEN@example.com"})
    assert (created.value.status, changed.value.status) == (409, 409)
    assert pointers(created.value) == pointers(changed.value) == {"/email"}
    assert (await console.work.record(first))["email"] == "J\u00fcrgen@example.com"


async def test_a_change_merges_fields_and_replaces_tags_and_lists(console: Running) -> None:
    work = console.work
    for name in ("news", "beta"):
        await work.api("POST", "/lists", {"id": name, "name": name})
    prospect = await work.prospect(
        email="a@example.com", score=5, tags=["a", "b"], lists=["news"], fields={"company": "Acme", "city": "Ulm"}
    )
    changed = await work.api(
        "PATCH",
        f"/prospects/{prospect}",
        {
            "email": None,
            "tags": ["c"],
            "lists": [{"id": "beta", "status": "unsubscribed"}],
            "fields": {"city": None, "industry": "construction"},
        },
    )
    assert changed["version"] == 2
    assert (changed["email"], changed["score"], changed["tags"]) == (None, 5, ["c"])
    assert changed["lists"] == [{"id": "beta", "status": "unsubscribed"}]
    assert changed["fields"] == {"company": "Acme", "industry": "construction"}


async def test_a_change_that_changes_nothing_makes_no_version(console: Running) -> None:
    prospect = await console.work.prospect(score=5, fields={"city": "Ulm"})
    unchanged = await console.work.api("PATCH", f"/prospects/{prospect}", {"score": 5, "fields": {"city": "Ulm"}})
    assert unchanged["version"] == 1


async def test_a_change_of_a_version_that_is_not_the_newest_is_412(console: Running) -> None:
    prospect = await console.work.prospect(score=1)
    path = f"/prospects/{prospect}"
    changed = await console.work.api("PATCH", path, {"score": 2}, headers={"If-Match": '"1"'})
    assert changed["version"] == 2
    with pytest.raises(Refusal) as refused:
        await console.work.api("PATCH", path, {"score": 3}, headers={"If-Match": '"1"'})
    assert refused.value.status == 412
    assert (await console.work.record(prospect))["score"] == 2


async def test_changes_at_the_same_time_are_all_there(console: Running) -> None:
    prospect = await console.work.prospect()
    await console.work.api("POST", "/catalogue", {"name": "size", "type": "number", "label": "Size"})
    fields: list[dict[str, Any]] = [{"company": "Acme"}, {"city": "Ulm"}, {"country": "DE"}, {"size": 7}]
    await asyncio.gather(*(console.work.api("PATCH", f"/prospects/{prospect}", {"fields": each}) for each in fields))
    record = await console.work.record(prospect)
    assert record["fields"] == {"company": "Acme", "city": "Ulm", "country": "DE", "size": 7}
    assert record["version"] == 5


async def test_everything_that_is_wrong_is_pointed_at(console: Running) -> None:
    body: dict[str, Any] = {
        "owner": "nobody",
        "lists": ["nowhere", {"id": "nor-here", "status": "pending"}],
        "fields": {"shoe_size": 47, "company": 7},
    }
    with pytest.raises(Refusal) as refused:
        await console.work.api("POST", "/prospects", body)
    assert refused.value.status == 422
    assert pointers(refused.value) == {"/owner", "/lists/0", "/lists/1", "/fields/shoe_size", "/fields/company"}
    for wrong in ({"colour": "red"}, {"score": "5"}, {"score": None}, {"tags": "hot"}, {"email": "no address"}):
        with pytest.raises(Refusal) as one:
            await console.work.api("POST", "/prospects", wrong)
        assert one.value.status == 422
        assert pointers(one.value) == {f"/{name}" for name in wrong}


async def test_a_record_that_the_log_could_not_take_is_refused(console: Running) -> None:
    tags = [f"{number:04}{'€' * 96}" for number in range(700)]
    prospect = await console.work.prospect(tags=tags[:600])
    for method, path in (("POST", "/prospects"), ("PATCH", f"/prospects/{prospect}")):
        with pytest.raises(Refusal) as refused:
            await console.work.api(method, path, {"tags": tags})
        assert (refused.value.status, pointers(refused.value)) == (422, {""})
    assert len((await console.work.record(prospect))["tags"]) == 600


async def test_nothing_of_a_refused_prospect_is_kept(console: Running) -> None:
    with pytest.raises(Refusal):
        await console.work.prospect(email="a@example.com", owner="nobody")
    assert await console.rows("SELECT FROM prospects") == []


async def test_an_unknown_prospect_is_404(console: Running) -> None:
    for path in (f"/prospects/{uuid4()}", "/prospects/x", "/prospects/%00", f"/prospects/{uuid4()}/timeline"):
        with pytest.raises(Refusal) as refused:
            await console.work.api("GET", path)
        assert refused.value.status == 404
