from typing import Any, Final

import pytest

from tests.integration.console.conftest import Running
from tests.support.workspace import Refusal

BODY: Final[dict[str, Any]] = {
    "id": "welcome",
    "name": "Welcome",
    "subject": "Hi {{ prospect.first_name }}",
    "html": "<style>p{color:red}</style><p>Hi {{ prospect.first_name }}, <a href='https://shop.example/'>buy</a></p>",
}


async def _refused(console: Running, method: str, path: str, body: Any, **more: Any) -> tuple[int, dict[str, str]]:
    with pytest.raises(Refusal) as refused:
        await console.work.api(method, path, body, **more)
    errors = refused.value.body.get("errors", [])
    return refused.value.status, {error["pointer"]: error["detail"] for error in errors}


async def test_a_template_is_read_as_it_was_created_and_as_it_will_be_rendered(console: Running) -> None:
    work = console.work
    created = await work.api("POST", "/templates", {**BODY, "from": "owner", "reply_to": {"email": "a@shop.example"}})
    assert created == await work.api("GET", "/templates/welcome")
    assert {name: created[name] for name in BODY} == BODY
    assert (created["version"], created["from"], created["reply_to"]) == (
        1,
        "owner",
        {"email": "a@shop.example", "name": ""},
    )
    assert '<p style="color: red;">Hi {{ prospect.first_name }}' in created["html_ready"]
    assert created["text"] is None
    assert created["text_ready"] == "Hi {{ prospect.first_name }}, buy <https://shop.example/>\n"


async def test_a_template_is_a_list_email_and_may_carry_actions(console: Running) -> None:
    work = console.work
    await work.api("POST", "/templates", BODY)
    asset = await work.api("GET", "/assets/welcome")
    assert (asset["kind"], asset["name"], asset["subject"]) == ("list_email", "Welcome", BODY["subject"])
    action = {"name": "A", "trigger": "opened", "type": "add_tags", "params": {"tags": ["reader"]}}
    assert (await work.api("PUT", "/assets/welcome/actions", {"actions": [action]}))["version"] == 1
    (row,) = await console.rows("SELECT settings FROM assets WHERE id = 'welcome'")
    assert set(row["settings"]) == {"subject", "html"}


async def test_a_change_keeps_what_is_absent_and_counts(console: Running) -> None:
    work = console.work
    await work.api("POST", "/templates", BODY)
    changed = await work.api("PATCH", "/templates/welcome", {"text": "Hi there"}, headers={"If-Match": '"1"'})
    assert (changed["version"], changed["html"], changed["text_ready"]) == (2, BODY["html"], "Hi there")
    renamed = await work.api("PATCH", "/templates/welcome", {"name": "Hello", "html": None, "from": "owner"})
    assert (renamed["name"], renamed["html"], renamed["html_ready"], renamed["from"]) == ("Hello", None, None, "owner")
    assert await _refused(console, "PATCH", "/templates/welcome", {"text": "x"}, headers={"If-Match": '"1"'}) == (
        412,
        {},
    )


async def test_what_is_wrong_with_a_template_is_pointed_at_and_named(console: Running) -> None:
    await console.work.api("POST", "/templates", {**BODY, "id": "there"})
    for change, pointer, detail in (
        ({"subject": "Hi {{ prospect.frist_name }}"}, "/subject", "prospect.frist_name is not a merge field"),
        ({"html": "<p>{{ unsubscribe_link }}</p>"}, "/html", "unsubscribe_link is not a merge field"),
        ({"text": "{{ owner.password }}"}, "/text", "owner.password is not a merge field"),
        ({"html": "{% if prospect.score %}"}, "/html", "is not Liquid"),
        ({"html": "<p {{ prospect.city }}>x</p>"}, "/html", "has Liquid inside a tag"),
        ({"html": "{{ prospect.city | safe }}"}, "/html", "there is no filter safe"),
        ({"html": None}, "/html", "is required, or a text"),
        ({"subject": ""}, "/subject", ""),
        ({"subject": "a\nb"}, "/subject", ""),
        ({"from": {"email": "nobody"}}, "/from/email", ""),
        ({"reply_to": "friend"}, "/reply_to", ""),
        ({"version": 7}, "/version", ""),
    ):
        for method, path, body in (("POST", "/templates", {**BODY, **change}), ("PATCH", "/templates/there", change)):
            status, errors = await _refused(console, method, path, body)
            found = next((text for at, text in errors.items() if at == pointer or at.startswith(f"{pointer}/")), None)
            assert (status, found is not None) == (422, True), (method, change, errors)
            assert detail in str(found)
    assert await console.count("templates") == 1


async def test_a_mail_may_say_where_to_unsubscribe_and_other_texts_may_not(console: Running) -> None:
    mail = {**BODY, "text": "Bye: {{ unsubscribe_url }}"}
    assert (await console.work.api("POST", "/templates", mail))["text_ready"] == mail["text"]
    asset = await console.work.asset()
    params = {"to": "owner", "text": "{{ unsubscribe_url }}"}
    action = {"name": "A", "trigger": "clicked", "type": "notify_user", "params": params}
    status, errors = await _refused(console, "PUT", f"/assets/{asset}/actions", {"actions": [action]})
    assert (status, list(errors)) == (422, ["/actions/0/params/text"])


async def test_an_action_refers_to_a_template_that_there_is(console: Running) -> None:
    await console.work.api("POST", "/templates", BODY)
    await console.work.api("POST", "/assets", {"id": "empty", "kind": "list_email", "name": "Says nothing"})
    asset = await console.work.asset()
    action = {"name": "A", "trigger": "clicked", "type": "send_email", "params": {"template": "welcome"}}
    await console.work.save(asset, [action])
    for template in ("empty", "none", asset):
        body = {"actions": [{**action, "params": {"template": template}}]}
        status, errors = await _refused(console, "PUT", f"/assets/{asset}/actions", body)
        assert (status, errors) == (422, {"/actions/0/params/template": "is not a template's id"})


async def test_a_list_email_that_says_something_is_a_template(console: Running) -> None:
    work = console.work
    asset = {
        "id": "news",
        "kind": "list_email",
        "name": "News",
        "subject": "News",
        "html": "<p>{{ prospect.city }}</p>",
    }
    await work.api("POST", "/assets", asset)
    assert (await work.api("GET", "/templates/news"))["text_ready"] == "{{ prospect.city }}\n"
    await work.api("PATCH", "/assets/news", {"subject": "Old news"})
    assert (await work.api("GET", "/templates/news"))["version"] == 2
    await work.api("PATCH", "/assets/news", {"status": "archived"})
    assert (await work.api("GET", "/templates/news"))["status"] == "archived"
    assert (await _refused(console, "PATCH", "/assets/news", {"html": None}))[0] == 422
    wrong = {**asset, "id": "wrong", "subject": "{{ prospect.nothing }}"}
    assert await _refused(console, "POST", "/assets", wrong) == (
        422,
        {"/subject": "prospect.nothing is not a merge field"},
    )


async def test_templates_are_paged_without_their_parts_and_an_id_is_taken_once(console: Running) -> None:
    for number in range(3):
        await console.work.api("POST", "/templates", {**BODY, "id": f"t{number}"})
    first = await console.work.api("GET", "/templates?limit=2")
    rest = await console.work.api("GET", f"/templates?limit=2&cursor={first['next']}")
    assert [item["id"] for item in first["items"] + rest["items"]] == ["t0", "t1", "t2"]
    assert (rest["next"], "html" in rest["items"][0]) == (None, False)
    assert await _refused(console, "POST", "/templates", {**BODY, "id": "t0"}) == (
        409,
        {"/id": "is the id of another asset"},
    )
    assert (await _refused(console, "PATCH", "/templates/none", {"name": "x"}))[0] == 404
