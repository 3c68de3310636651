"""What a save puts into the outbox. Nobody publishes here: the saves are answered that they are not published yet."""

from typing import Any

import pytest

from schemas.action_lists import ActionList
from services.console.settings import Console
from tests.integration.console.conftest import PATIENT_KEYS, Running
from tests.support.workspace import Refusal

TAGGED: dict[str, Any] = {"name": "Tag", "trigger": "updated", "type": "add_tags", "params": {"tags": ["x"]}}


@pytest.fixture
def settings() -> Console:
    return Console(port=0, publish_timeout_s=0.2, keys=PATIENT_KEYS)


async def test_the_snapshot_names_the_key_as_the_writer(unpublished: Running) -> None:
    with pytest.raises(Refusal):  # nobody publishes
        await unpublished.work.prospect(score=1)
    (row,) = await unpublished.rows("SELECT * FROM outbox WHERE aggregatetype = 'interactions'")
    assert row["payload"]["data"]["writer"] == "api:test"
    assert row["payload"]["data"]["change"] == {"before": None, "by": "api:test", "depth": 0, "causedby": None}


async def test_what_is_published_is_the_version_with_the_types_it_needs(unpublished: Running) -> None:
    work = unpublished.work
    await work.api("POST", "/catalogue", {"name": "budget", "type": "number", "label": "Budget"})
    criteria = {"rules": [{"field": "original.budget", "operator": ">", "value": 1000}]}
    with pytest.raises(Refusal):  # nobody publishes
        await work.api("PUT", "/assets/prospect/actions", {"actions": [{**TAGGED, "criteria": criteria}]})
    (row,) = await unpublished.rows("SELECT * FROM outbox WHERE type = 'action_list'")
    assert (row["aggregatetype"], row["aggregateid"]) == ("definitions", "list:prospect:1")
    assert row["payload"]["schema"] == 1
    published = ActionList.model_validate(row["payload"])
    assert published.version == 1
    assert published.types == {"budget": "number"}
    (stored,) = await unpublished.rows("SELECT * FROM action_lists")
    assert stored["document"] == row["payload"]


async def test_the_definition_holds_what_ingest_serves_from(unpublished: Running) -> None:
    with pytest.raises(Refusal):  # nobody publishes
        await unpublished.work.api(
            "POST", "/assets", {"id": "mail-1", "kind": "list_email", "name": "May", "subject": "Hi", "html": "<p>Hi"}
        )
    with pytest.raises(Refusal):
        await unpublished.work.api(
            "POST",
            "/assets",
            {"id": "link-1", "kind": "redirect_link", "name": "L", "target_url": "https://e.example/"},
        )
    rows = await unpublished.rows("SELECT aggregateid, payload FROM outbox WHERE type = 'asset' ORDER BY seq")
    published = {row["aggregateid"]: row["payload"] for row in rows}
    assert published["asset:mail-1"]["settings"] == {}
    assert published["asset:link-1"] == {
        "schema": 1,
        "record": "asset",
        "id": "link-1",
        "kind": "redirect_link",
        "name": "L",
        "status": "active",
        "settings": {"target_url": "https://e.example/"},
    }
