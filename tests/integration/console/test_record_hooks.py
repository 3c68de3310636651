"""Record hooks: made, listed, changed and taken away; what is wrong with one is named."""

from typing import Any

import pytest

from tests.integration.console.conftest import Running
from tests.support.workspace import Refusal

HOOK = {"name": "Sales CRM", "external_id": "/Id", "email": "/Email", "mapping": {"industry": "/Account/Industry"}}


async def test_a_hook_is_made_listed_changed_and_taken_away(console: Running) -> None:
    work = console.work
    made = await work.api("POST", "/hooks", HOOK)
    assert made["id"].startswith("sales-crm")
    assert made["url"].endswith(f"/v1/hooks/{made['id']}")
    assert {name: made[name] for name in HOOK} == HOOK
    assert (made["records"], made["opted_out"]) == ("", None)
    await work.api("POST", "/hooks", {**HOOK, "id": "another"})
    changed = await work.api("PUT", "/hooks/another", {**HOOK, "records": "/contacts", "opted_out": "/Out"})
    assert (changed["records"], changed["opted_out"]) == ("/contacts", "/Out")
    listed = (await work.api("GET", "/hooks"))["items"]
    assert listed == [changed, made]
    await work.api("DELETE", "/hooks/another")
    assert (await work.api("GET", "/hooks"))["items"] == [made]
    for call in (("DELETE", "/hooks/another"), ("PUT", "/hooks/another", HOOK)):
        with pytest.raises(Refusal) as refused:
            await work.api(*call)
        assert refused.value.status == 404


@pytest.mark.parametrize(
    ("changes", "status", "pointers"),
    [
        ({"external_id": None, "email": None}, 422, [""]),
        ({"mapping": {"nothing": "/x"}}, 422, ["/mapping/nothing"]),
        ({"mapping": {"industry": "Account"}}, 422, ["/mapping/industry"]),
        ({"mapping": {"email": "/e"}}, 422, ["/mapping/email"]),
        ({"records": "contacts"}, 422, ["/records"]),
        ({"secret": "x"}, 422, ["/secret"]),
    ],
)
async def test_what_is_wrong_with_a_hook_is_named(
    changes: dict[str, Any], status: int, pointers: list[str], console: Running
) -> None:
    with pytest.raises(Refusal) as refused:
        await console.work.api("POST", "/hooks", {**HOOK, **changes})
    assert refused.value.status == status
    assert [error["pointer"] for error in refused.value.body["errors"]] == pointers
    assert (await console.work.api("GET", "/hooks"))["items"] == []


async def test_an_id_stands_for_one_hook(console: Running) -> None:
    await console.work.api("POST", "/hooks", {**HOOK, "id": "sales"})
    with pytest.raises(Refusal) as refused:
        await console.work.api("POST", "/hooks", {**HOOK, "id": "sales"})
    assert refused.value.status == 409
