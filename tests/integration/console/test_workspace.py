import pytest

from services.chassis.api_keys import key_hash
from tests.integration.console.conftest import Running
from tests.support.eventually import eventually
from tests.support.workspace import Refusal, Workspace


async def test_an_asset_is_read_as_it_was_created(console: Running) -> None:
    work = console.work
    created = await work.api(
        "POST",
        "/assets",
        {
            "kind": "form",
            "name": "Contact us",
            "mapping": {"mail": "email", "firm": "company"},
            "success_message": "Thank you.",
        },
    )
    assert created["id"].startswith("contact-us-")
    assert created == await work.api("GET", f"/assets/{created['id']}")
    assert (created["kind"], created["status"]) == ("form", "active")
    assert created["mapping"] == {"mail": "email", "firm": "company"}
    assert created["success_message"] == "Thank you."


async def test_a_change_of_an_asset_keeps_what_is_absent(console: Running) -> None:
    work = console.work
    asset = await work.asset()
    archived = await work.api("PATCH", f"/assets/{asset}", {"status": "archived"})
    assert (archived["status"], archived["target_url"]) == ("archived", "https://example.com/")
    moved = await work.api("PATCH", f"/assets/{asset}", {"target_url": "https://example.org/"})
    assert (moved["status"], moved["target_url"]) == ("archived", "https://example.org/")


async def test_settings_that_do_not_go_with_the_kind_are_pointed_at(console: Running) -> None:
    asset = await console.work.asset()
    for method, path, body, pointer in (
        ("POST", "/assets", {"kind": "hosted_file", "name": "F", "target_url": "https://e.example/"}, "/target_url"),
        ("POST", "/assets", {"kind": "form", "name": "F", "mapping": {"a/b": "score"}}, "/mapping/a~1b"),
        ("POST", "/assets", {"kind": "hosted_file", "name": "F", "success_message": "Hi"}, "/success_message"),
        ("POST", "/assets", {"kind": "form", "name": "F", "success_message": "x" * 1001}, "/success_message"),
        ("POST", "/assets", {"kind": "prospect", "name": "F"}, "/kind"),
        ("POST", "/assets", {"kind": "form", "name": ""}, "/name"),
        ("PATCH", f"/assets/{asset}", {"target_url": None}, "/target_url"),
        ("PATCH", f"/assets/{asset}", {"target_url": "javascript:alert(1)"}, "/target_url"),
        ("PATCH", f"/assets/{asset}", {"status": "deleted"}, "/status"),
        ("PATCH", f"/assets/{asset}", {"kind": "form"}, "/kind"),
    ):
        with pytest.raises(Refusal) as refused:
            await console.work.api(method, path, body)
        assert refused.value.status == 422
        assert [error["pointer"] for error in refused.value.body["errors"]] == [pointer]


async def test_a_form_is_mapped_to_fields_and_the_address_alone_each_by_one_field(console: Running) -> None:
    bad = ("score", "owner", "tags", "lists", "consent", "lead_id", "id", "version", "fields", "unknown")
    mapping = {**{f"f-{target}": target for target in bad}, "mail": "email", "a": "company", "b": "company"}
    with pytest.raises(Refusal) as refused:
        await console.work.api("POST", "/assets", {"kind": "form", "name": "F", "mapping": mapping})
    pointers = {error["pointer"] for error in refused.value.body["errors"]}
    assert pointers == {f"/mapping/f-{target}" for target in bad} | {"/mapping/a", "/mapping/b"}


async def test_an_id_of_another_is_409(console: Running) -> None:
    for path, body in (
        ("/assets", {"id": "same", "kind": "hosted_file", "name": "F"}),
        ("/users", {"id": "same", "name": "N", "email": "n@example.com"}),
        ("/lists", {"id": "same", "name": "N"}),
        ("/catalogue", {"name": "same", "type": "text", "label": "Same"}),
    ):
        await console.work.api("POST", path, body)
        with pytest.raises(Refusal) as refused:
            await console.work.api("POST", path, body)
        assert refused.value.status == 409


async def test_pages_follow_each_other_and_hold_everything_once(console: Running) -> None:
    for number in range(5):
        await console.work.api("POST", "/lists", {"id": f"list-{number}", "name": "L"})
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await console.work.api("GET", "/lists", params={"limit": "2", **cursor})
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [f"list-{number}" for number in range(5)]


async def test_assets_are_listed_by_kind_and_status(console: Running) -> None:
    link = await console.work.asset()
    page = await console.work.api("GET", "/assets", params={"kind": "redirect_link", "status": "active"})
    assert [item["id"] for item in page["items"]] == [link]
    everything = await console.work.api("GET", "/assets")
    assert {item["id"] for item in everything["items"]} == {link, "prospect"}


async def test_a_field_of_the_workspace_joins_the_catalogue(console: Running) -> None:
    field = {"name": "plan", "type": "picklist", "label": "Plan", "options": ["Free", "Pro"]}
    await console.work.api("POST", "/catalogue", field)
    catalogue = await console.work.api("GET", "/catalogue")
    by_name = {each["name"]: each for each in catalogue["fields"]}
    assert by_name["plan"] == {**field, "personal": False, "built_in": False}
    assert by_name["company"]["built_in"] is True
    assert "between" in catalogue["operators"]["number"]
    assert {each["path"] for each in catalogue["attributes"]} >= {"original.score", "original.tags"}
    assert len(catalogue["action_types"]) == 13
    assert all(each["schema"]["properties"]["params"] for each in catalogue["action_types"])
    prospect = await console.work.prospect(fields={"plan": "pro"})
    assert (await console.work.record(prospect))["fields"] == {"plan": "Pro"}


@pytest.mark.parametrize("name", ["score", "owner", "id", "company"])
async def test_a_reserved_name_is_409(console: Running, name: str) -> None:
    with pytest.raises(Refusal) as refused:
        await console.work.api("POST", "/catalogue", {"name": name, "type": "text", "label": "Mine"})
    assert refused.value.status == 409


async def test_options_go_with_picklists_only(console: Running) -> None:
    for body in (
        {"name": "size", "type": "number", "label": "Size", "options": ["1"]},
        {"name": "size", "type": "multi", "label": "Size", "options": ["1", "1"]},
    ):
        with pytest.raises(Refusal) as refused:
            await console.work.api("POST", "/catalogue", body)
        assert refused.value.status == 422
        assert [error["pointer"] for error in refused.value.body["errors"]] == ["/options"]


async def test_a_key_is_shown_once_works_and_is_revoked(console: Running) -> None:
    created = await console.work.api("POST", "/keys", {"name": "Ops", "scopes": ["admin"], "sources": []})
    other = Workspace(console.work.session, "", console.url, created["key"])
    assert (await other.api("GET", "/users"))["items"] == []
    (row,) = await console.rows("SELECT * FROM api_keys WHERE id = $1", created["id"])
    assert row["hash"] == key_hash(created["key"])
    listed = await console.work.api("GET", "/keys")
    assert all("key" not in item for item in listed["items"])
    await console.work.api("DELETE", f"/keys/{created['id']}")
    await console.work.api("DELETE", f"/keys/{created['id']}")

    async def refused() -> bool:
        try:
            await other.api("GET", "/users")
        except Refusal as refusal:
            return refusal.status == 401
        return False

    await eventually(refused, 15.0)


async def test_a_key_for_events_may_not_administer(console: Running) -> None:
    created = await console.work.api("POST", "/keys", {"name": "Shop", "sources": ["shop"]})
    assert created["scopes"] == ["events"]
    other = Workspace(console.work.session, "", console.url, created["key"])
    with pytest.raises(Refusal) as refused:
        await other.api("GET", "/users")
    assert refused.value.status == 403


async def test_a_form_has_a_snippet_and_nothing_else_has(unpublished: Running) -> None:
    await unpublished.rows(
        "INSERT INTO assets (id, kind, name, settings) VALUES ('ask', 'form', 'F', $1), ('ad', 'hosted_file', 'A', '{}')",
        {"mapping": {"firm": "company"}},
    )
    html = (await unpublished.work.api("GET", "/assets/ask/snippet"))["html"]
    assert 'action="http://127.0.0.1:8080/s/ask"' in html
    assert 'Company <input name="firm">' in html
    for asset, status in (("ad", 409), ("none", 404)):
        with pytest.raises(Refusal) as refused:
            await unpublished.work.api("GET", f"/assets/{asset}/snippet")
        assert refused.value.status == status


async def test_a_key_is_rotated_without_a_gap(unpublished: Running) -> None:
    work = unpublished.work
    made = await work.api("POST", "/keys", {"name": "Ops", "scopes": ["admin"], "rate_per_s": 50})
    assert (made["rate_per_s"], made["two_live"]) == (50, False)
    rotated = await work.api("POST", f"/keys/{made['id']}/rotate")
    assert (rotated["id"], rotated["two_live"], rotated["rate_per_s"]) == (made["id"], True, 50)

    async def opens(key: str) -> bool:
        async with work.session.get(
            f"{unpublished.url}/api/keys", headers={"Authorization": f"Bearer {key}"}
        ) as answer:
            return answer.status == 200

    async def live() -> list[bool]:
        return [await opens(key["key"]) for key in (made, rotated)]

    assert await live() == [True, True]
    for _ in range(2):
        await work.api("DELETE", f"/keys/{made['id']}/previous")

    async def taken_away() -> bool:
        return await live() == [False, True]

    await eventually(taken_away, 20)
    await work.api("DELETE", f"/keys/{made['id']}")
    for path, method in (
        (f"/keys/{made['id']}/rotate", "POST"),
        ("/keys/none/rotate", "POST"),
        ("/keys/none/previous", "DELETE"),
    ):
        with pytest.raises(Refusal) as refused:
            await work.api(method, path)
        assert refused.value.status == 404
