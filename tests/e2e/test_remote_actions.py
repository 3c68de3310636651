"""Mails, webhooks and functions on the real system: behind the record effects ahead of them, each explained."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests.support.deployment import Deployment, deployed
from tests.support.http_sink import Sink, http_sink
from tests.support.smtp_sink import Mailbox, smtp_sink

ENRICH = """
def handler(event, context):
    prospect = event["data"]["prospect"]
    return {"company": prospect["email"].split("@")[1], "tags": len(prospect["tags"])}
"""


@dataclass(frozen=True)
class Outside:
    """The system, and what it reaches."""

    system: Deployment
    hooks: Sink
    box: Mailbox
    functions: Path


@pytest.fixture
async def outside(stack_env: Mapping[str, str], tmp_path: Path) -> AsyncIterator[Outside]:
    functions = tmp_path / "lambda"
    functions.mkdir()
    async with http_sink() as hooks, smtp_sink() as box:
        env = {
            **stack_env,
            "FA_WEBHOOK__ALLOW": f"127.0.0.1:{hooks.port}",
            "FA_MAIL__PORT": str(box.port),
            "FA_LAMBDA__LOCAL_ENABLED": "true",
            "FA_LAMBDA__LOCAL_FOLDER": str(functions),
            "FA_EXECUTORS__REMOTE__WEBHOOK_STEPS_S": "[0.2, 0.2]",
        }
        async with deployed(env, tmp_path) as system:
            yield Outside(system, hooks, box, functions)


def _outcomes(account: Mapping[str, Any]) -> dict[str, str]:
    names = {made["id"]: made["action_id"] for made in account["commands"]}
    return {names[made["id"]]: made["outcome"]["state"] for made in account["commands"]}


async def test_a_click_mails_calls_a_webhook_and_a_function_behind_its_record_effects(outside: Outside) -> None:
    work = outside.system.workspace
    (outside.functions / "enrich.py").write_text(ENRICH)
    template = await work.api(
        "POST",
        "/templates",
        {
            "name": "Offer",
            "subject": "Hello {{ prospect.first_name }}",
            "html": '<p>Dear {{ prospect.first_name }}, <a href="https://shop.example/offer?x=1">look</a>.</p>',
        },
    )
    link = await work.asset(
        [
            {"id": "tag", "type": "add_tags", "params": {"tags": ["seen"]}},
            {"id": "mail", "type": "send_email", "params": {"template": template["id"]}},
            {"id": "hook", "type": "fire_webhook", "params": {"url": f"{outside.hooks.url}/hook"}},
            {
                "id": "enrich",
                "type": "execute_lambda",
                "params": {"function": "enrich", "provider": "local", "response_map": {"company": "/company"}},
            },
        ]
    )
    await work.known(link, 1)
    prospect = await work.prospect(email="ann@shop.example", fields={"first_name": "Ann <b>"})

    uid = await work.click(link, prospect)
    account = await work.settled(uid)

    assert set(_outcomes(account).values()) == {"done"}
    (mail,) = outside.box.received
    message = outside.box.message(0)
    assert (mail[0], message["Subject"]) == ("ann@shop.example", "Hello Ann <b>")
    html = message.get_body(("html",))
    text = message.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert "Dear Ann &lt;b&gt;" in html.get_content()
    assert "https://shop.example/offer" not in html.get_content()
    assert "https://shop.example/offer" not in text.get_content()
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (hook,) = outside.hooks.received
    told = orjson.loads(hook.body)["data"]
    assert told["prospect"]["tags"] == ["seen"]
    assert told["interaction"]["uid"] == uid

    async def enriched() -> bool:
        return bool((await work.record(prospect))["fields"].get("company") == "shop.example")

    await outside.system.until(enriched)
    commands = {made["action_id"]: made["id"] for made in account["commands"]}
    (delivery,) = (await work.api("GET", f"/deliveries?command_id={commands['hook']}"))["items"]
    assert [(each["result"], each["status"]) for each in delivery["history"]] == [("done", "200")]


async def test_a_webhook_that_fails_is_tried_again_and_dies_and_is_replayed_with_the_same_bytes(
    outside: Outside,
) -> None:
    work = outside.system.workspace
    outside.hooks.answers.extend(web.Response(status=503) for _ in range(3))
    link = await work.asset([{"id": "hook", "type": "fire_webhook", "params": {"url": f"{outside.hooks.url}/hook"}}])
    await work.known(link, 1)
    prospect = await work.prospect(email="ann@shop.example")
    account = await work.settled(await work.click(link, prospect))
    assert _outcomes(account) == {"hook": "dead"}
    (letter,) = (await work.api("GET", "/dead-letters?executor=webhook"))["items"]
    assert (letter["reason"], letter["error"]) == ("exhausted", "503")

    await work.api("POST", f"/dead-letters/{letter['id']}/replay")
    command_id = account["commands"][0]["id"]

    async def replayed() -> bool:
        (delivery,) = (await work.api("GET", f"/deliveries?command_id={command_id}"))["items"]
        return bool(delivery["state"] == "done")

    await outside.system.until(replayed)
    assert len({(each.headers["webhook-id"], each.body) for each in outside.hooks.received}) == 1
    assert len(outside.hooks.received) == 4


async def test_the_answer_of_a_function_raises_triggers_as_anothers_change_and_loops_are_cut(outside: Outside) -> None:
    work = outside.system.workspace
    (outside.functions / "count.py").write_text(
        "def handler(event, context):\n"
        "    title = event['data']['prospect']['fields'].get('title') or '0'\n"
        "    return {'title': str(int(title) + 1)}\n"
    )
    params = {"function": "count", "provider": "local", "response_map": {"title": "/title"}}
    action = {"id": "count", "name": "Count", "trigger": "updated", "type": "execute_lambda", "params": params}
    await work.api("PUT", "/assets/prospect/actions", {"actions": [action]})
    prospect = await work.prospect(email="ann@shop.example")
    await work.api("PATCH", f"/prospects/{prospect}", {"fields": {"title": "0"}})

    async def cut() -> bool:
        entries = await work.timeline(prospect)
        reasons = [
            action["reason"]
            for entry in entries
            if entry["type"] == "prospect.updated"
            for action in (await work.why(entry["uid"]))["decision"]["actions"]
        ]
        return "loop" in reasons

    await outside.system.until(cut, 60)
    assert int((await work.record(prospect))["fields"]["title"]) == 6


async def test_a_list_email_is_sent_to_the_members_of_a_list_and_clicked(outside: Outside) -> None:
    work = outside.system.workspace
    texts = {"name": "News", "subject": "News", "html": '<a href="https://shop.example/new">New</a>'}
    news = (await work.api("POST", "/templates", texts))["id"]
    members = (await work.api("POST", "/lists", {"name": "Members"}))["id"]
    on = [{"id": members, "status": "subscribed"}]
    for name in ("ann", "bob", "eve"):
        await work.prospect(email=f"{name}@shop.example", lists=on)
    await work.prospect(email="zoe@shop.example")
    send = (await work.api("POST", f"/emails/{news}/send", {"list": members}))["id"]

    async def sent() -> bool:
        told = await work.api("GET", f"/sends/{send}")
        return told["queued_at"] is not None and told["queued"] == told["states"].get("done") == 3

    await outside.system.until(sent, 30)
    assert sorted(to for to, _ in outside.box.received) == [f"{name}@shop.example" for name in ("ann", "bob", "eve")]
    message = outside.box.message(0)
    text = message.get_body(("plain",))
    assert text is not None
    url = next(word.strip("<>") for word in text.get_content().split() if "/c/" in word)
    account = await work.settled(await work.follow(url))
    assert account["status"] == "settled"


async def test_a_colleague_is_told_by_e_mail(outside: Outside) -> None:
    work = outside.system.workspace
    user = await work.api("POST", "/users", {"name": "Bob", "email": "bob@example.com"})
    params = {"to": {"user": user["id"]}, "channel": "email", "subject": "A visit", "text": "{{ prospect.email }}"}
    link = await work.asset([{"id": "tell", "type": "notify_user", "params": params}])
    await work.known(link, 1)
    prospect = await work.prospect(email="ann@shop.example")
    account = await work.settled(await work.click(link, prospect))
    assert _outcomes(account) == {"tell": "done"}
    ((to, _),) = outside.box.received
    body = outside.box.message(0).get_body(("plain",))
    assert body is not None
    assert (to, body.get_content().strip()) == ("bob@example.com", "ann@shop.example")


async def test_what_a_digest_gathers_leaves_in_one_mail(outside: Outside) -> None:
    work = outside.system.workspace
    user = await work.api("POST", "/users", {"name": "Bob", "email": "bob@example.com"})
    params = {"to": {"user": user["id"]}, "channel": "email", "subject": "Visits", "text": "{{ event.subject }}"}
    link = await work.asset([{"id": "tell", "type": "notify_user", "params": {**params, "digest": "PT4S"}}])
    await work.known(link, 1)
    prospect = await work.prospect(email="ann@shop.example")
    for _ in range(3):
        account = await work.settled(await work.click(link, prospect))
        assert _outcomes(account)["tell"] == "done"
    assert outside.box.received == []

    async def arrived() -> bool:
        return bool(outside.box.received)

    await outside.system.until(arrived, 30)
    body = outside.box.message(0).get_body(("plain",))
    assert body is not None
    assert body.get_content().split() == [link] * 3
    assert outside.box.message(0)["Subject"] == "Visits (and 2 more)"
    assert len(outside.box.received) == 1


async def test_a_task_and_a_lead_are_pushed_to_the_crm_with_ids_that_stay(outside: Outside) -> None:
    work = outside.system.workspace
    ann = (await work.api("POST", "/users", {"name": "Ann", "email": "ann@seller.example"}))["id"]
    await work.api("PUT", "/crm-push", {"url": f"{outside.hooks.url}/crm", "headers": {"X-From": "finish"}})
    outside.hooks.answers.append(web.Response(status=503))
    link = await work.asset(
        [
            {"id": "lead", "type": "convert_to_lead", "params": {"owner": {"user": ann}, "status": "new"}},
            {
                "id": "call",
                "type": "create_crm_task",
                "params": {"title": "Call {{ prospect.email }}", "due": {"in": "P2D"}, "assignee": {"user": ann}},
            },
        ]
    )
    await work.known(link, 1)
    prospect = await work.prospect(email="pia@shop.example")
    account = await work.settled(await work.click(link, prospect))
    assert set(_outcomes(account).values()) == {"done"}

    async def arrived() -> bool:
        shown = (await work.api("GET", f"/deliveries?prospect_id={prospect}&executor=webhook"))["items"]
        return [each["state"] for each in shown] == ["done", "done"]

    await outside.system.until(arrived)
    (task,) = (await work.api("GET", f"/tasks?prospect_id={prospect}"))["items"]
    (lead,) = (await work.api("GET", f"/leads?prospect_id={prospect}"))["items"]
    refused, *accepted = outside.hooks.received
    assert len(accepted) == 2
    assert (refused.headers["webhook-id"], refused.body) in [
        (each.headers["webhook-id"], each.body) for each in accepted
    ]
    assert {(each.path, each.method, each.headers["x-from"]) for each in accepted} == {("/crm", "POST", "finish")}
    told = {body["type"]: body["data"] for body in (orjson.loads(each.body) for each in accepted)}
    assert set(told) == {"crm_task.created", "lead.saved"}
    assert told["crm_task.created"]["external_id"] == task["id"]
    assert told["crm_task.created"]["task"]["title"] == "Call pia@shop.example"
    assert told["lead.saved"]["external_id"] == lead["id"]
    assert told["lead.saved"]["lead"]["owner"]["email"] == "ann@seller.example"
    assert {each["prospect"]["email"] for each in told.values()} == {"pia@shop.example"}


async def test_a_new_address_is_asked_by_mail_and_its_submission_fires_once_it_is_confirmed(outside: Outside) -> None:
    work = outside.system.workspace
    texts = {"name": "Hello", "subject": "Welcome", "html": "<p>Hello {{ prospect.company }}</p>"}
    template = (await work.api("POST", "/templates", texts))["id"]
    settings = {"mapping": {"mail": "email", "firm": "company"}, "confirm": True, "confirm_subject": "Is it you?"}
    form = str((await work.api("POST", "/assets", {"kind": "form", "name": "News", **settings}))["id"])
    welcome = {"id": "hi", "trigger": "submitted", "type": "send_email", "params": {"template": template}}
    await work.save(form, [welcome])
    uid = await work.submit(form, {"mail": "new@shop.example", "firm": "Shop"})

    async def mailed() -> bool:
        return len(outside.box.received) == 1

    await outside.system.until(mailed, 30)
    message = outside.box.message(0)
    assert (message["Subject"], message["Auto-Submitted"]) == ("Is it you?", "auto-generated")
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    (url,) = [word for word in plain.get_content().split() if "/confirm/" in word]
    assert f'href="{url}"' in html.get_content()
    async with work.session.get(url) as answer:
        assert (answer.status, "<button>" in await answer.text()) == (200, True)
    async with work.session.post(url) as answer:
        assert (answer.status, answer.headers["finish-interaction"]) == (200, uid)
    account = await work.settled(uid)
    assert _outcomes(account) == {"hi": "done"}
    assert [(to, str(outside.box.message(n)["Subject"])) for n, (to, _) in enumerate(outside.box.received)] == [
        ("new@shop.example", "Is it you?"),
        ("new@shop.example", "Welcome"),
    ]
