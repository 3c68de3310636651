"""Forms, end to end: the mapping changes the record before the form's own list is judged, and raises its triggers first."""

from typing import Any

from tests.support.deployment import Deployment
from tests.support.workspace import Workspace, fired


def _rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"combinator": "and", "rules": [{"field": field, "operator": operator, "value": value}]}


def _tag(tag: str, trigger: str, criteria: dict[str, Any]) -> dict[str, Any]:
    return {"id": tag, "trigger": trigger, "type": "add_tags", "params": {"tags": [tag]}, "criteria": criteria}


async def _form(work: Workspace) -> str:
    """Make fields, the lists and a form that is mapped to them."""
    await work.api("POST", "/catalogue", {"name": "budget", "type": "number", "label": "Budget"})
    await work.api("POST", "/catalogue", {"name": "topics", "type": "multi", "label": "Topics", "options": ["A", "B"]})
    await work.save(
        "prospect",
        [
            _tag("moved", "updated", _rule("original.industry", "changedTo", "construction")),
            _tag("new", "created", _rule("original.budget", ">=", 100)),
        ],
    )
    mapping = {"mail": "email", "branch": "industry", "money": "budget", "topic": "topics"}
    form = await work.api("POST", "/assets", {"kind": "form", "name": "Quote", "mapping": mapping})
    await work.save(
        form["id"],
        [
            _tag("mapped", "submitted", _rule("original.budget", ">", 99)),
            _tag("set", "submitted", _rule("original.topics", "allOf", ["A", "B"])),
            _tag("after-updated", "submitted", _rule("original.tags", "anyOf", ["moved"])),
            _tag("after-created", "submitted", _rule("original.tags", "anyOf", ["new"])),
            _tag("unmapped", "submitted", _rule("event.form.remark", "contains", "urgent")),
            _tag("as-sent", "submitted", _rule("event.form.money", "=", "120000")),
        ],
    )
    return str(form["id"])


async def test_a_forms_mapped_changes_raise_updated_first_and_its_own_list_is_judged_on_the_values_after_them(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    form = await _form(work)
    prospect = await work.prospect(email="ada@example.com", fields={"industry": "Retail", "budget": 5})
    fields = [
        ("mail", "ADA@example.com"), ("branch", "Construction"), ("money", "120000"), ("topic", "b"), ("topic", "a"),
        ("remark", "It is URGENT"),
    ]  # fmt: skip
    uid = await work.submit(form, fields)
    assert fired(await work.settled(uid)) == {
        "mapped": True, "set": True, "after-updated": True, "after-created": False, "unmapped": True, "as-sent": True
    }  # fmt: skip
    record = await work.record(prospect)
    assert record["fields"] == {"industry": "Construction", "budget": 120000, "topics": ["B", "A"]}
    assert set(record["tags"]) == {"moved", "mapped", "set", "after-updated", "unmapped", "as-sent"}
    types = [entry["type"] for entry in await work.timeline(prospect)]
    assert types == ["form.submitted", "prospect.updated", "prospect.created"]

    again = await work.submit(form, fields)  # nothing mapped changes: nothing is raised
    await work.settled(again)
    types = [entry["type"] for entry in await work.timeline(prospect)]
    assert types == ["form.submitted", "form.submitted", "prospect.updated", "prospect.created"]


async def test_a_new_prospect_raises_created_alone_and_then_the_forms_own_list_is_judged(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    form = await _form(work)
    uid = await work.submit(form, {"mail": "new@example.com", "branch": "Construction", "money": "500"})
    explained = await work.settled(uid)
    assert [name for name, did in fired(explained).items() if did] == ["mapped", "after-created"]
    prospect = str(explained["prospect_id"])
    assert [entry["type"] for entry in await work.timeline(prospect)] == ["form.submitted", "prospect.created"]
    record = await work.record(prospect)
    assert (record["email"], record["fields"]) == ("new@example.com", {"industry": "Construction", "budget": 500})

    nobody = await work.settled(await work.submit(form, {"branch": "Construction"}))
    assert nobody["decision"]["reason"] == "anonymous"
