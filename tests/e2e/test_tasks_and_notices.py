"""Tasks and in-app notices on the real system: what they say, whom they reach, and behind what they wait."""

from typing import Any

import pytest

from tests.support.deployment import Deployment
from tests.support.workspace import Refusal

CALL: dict[str, Any] = {
    "id": "call",
    "type": "create_crm_task",
    "params": {
        "title": "Call {{ prospect.first_name }}, score {{ prospect.score }}",
        "body": "{{ event.type }} on {{ event.subject }}",
        "due": {"business_days": 2},
        "priority": "high",
    },
}
TELL: dict[str, Any] = {
    "id": "tell",
    "type": "notify_user",
    "params": {
        "to": "owner",
        "subject": "A visit",
        "text": "{{ prospect.email }} has {{ prospect.tags | join: ', ' }}",
    },
}


async def _user(deployment: Deployment, name: str) -> str:
    user = await deployment.workspace.api("POST", "/users", {"name": name, "email": f"{name}@example.com"})
    return str(user["id"])


async def test_a_click_makes_a_task_and_a_notice_that_see_the_record_effects_ahead_of_them(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    ann = await _user(deployment, "ann")
    link = await work.asset(
        [
            {"id": "plus", "type": "adjust_score", "params": {"op": "add", "amount": 5}},
            {"id": "tag", "type": "add_tags", "params": {"tags": ["seen"]}},
            {"id": "give", "type": "assign_owner", "params": {"user": ann}},
            CALL,
            TELL,
        ]
    )
    await work.known(link, 1)
    prospect = await work.prospect(email="pia@example.com", fields={"first_name": "Pia"})

    uid = await work.click(link, prospect)
    account = await work.settled(uid)

    assert {command["action_id"]: command["outcome"]["state"] for command in account["commands"]} == dict.fromkeys(
        ("plus", "tag", "give", "call", "tell"), "done"
    )
    (task,) = (await work.api("GET", f"/tasks?prospect_id={prospect}"))["items"]
    assert (task["title"], task["assignee"], task["priority"]) == ("Call Pia, score 5", ann, "high")
    assert task["body"] == f"redirect_link.clicked on {link}"
    (notice,) = (await work.api("GET", f"/notices?prospect_id={prospect}"))["items"]
    assert (notice["user"], notice["text"]) == (ann, "pia@example.com has seen")
    assert (await work.api("POST", f"/notices/{notice['id']}/read", None))["read_at"] is not None
    assert (await work.api("GET", f"/deliveries?prospect_id={prospect}"))["items"] == []


async def test_behind_a_paused_record_type_they_wait_and_follow_when_it_goes_on(deployment: Deployment) -> None:
    work = deployment.workspace
    ann = await _user(deployment, "ann")
    link = await work.asset([{"id": "tag", "type": "add_tags", "params": {"tags": ["seen"]}}, TELL])
    await work.known(link, 1)
    prospect = await work.prospect(email="pia@example.com", owner=ann)
    pause = await work.api("POST", "/pauses", {"scope": "type", "id": "add_tags"})
    await deployment.until(lambda: _tags_paused(deployment))

    uid = await work.click(link, prospect)
    await deployment.until(lambda: _waits(deployment, prospect))
    assert (await work.api("GET", f"/notices?prospect_id={prospect}"))["items"] == []

    await work.api("DELETE", f"/pauses/{pause['id']}")
    await work.settled(uid)
    (notice,) = (await work.api("GET", f"/notices?prospect_id={prospect}"))["items"]
    assert notice["text"] == "pia@example.com has seen"


async def test_killed_between_any_two_steps_every_task_is_there_once(deployment: Deployment) -> None:
    work = deployment.workspace
    ann = await _user(deployment, "ann")
    link = await work.asset([{"id": "plus", "type": "adjust_score", "params": {"op": "add", "amount": 1}}, CALL])
    await work.known(link, 1)
    prospects = [await work.prospect(owner=ann) for _ in range(3)]
    uids = []
    for turn in range(6):
        uids += [await work.click(link, prospect) for prospect in prospects]
        if turn % 2:
            await deployment.kill("executors")
            await deployment.start("executors")
    for uid in uids:
        await work.settled(uid)

    for prospect in prospects:
        tasks = (await work.api("GET", f"/tasks?prospect_id={prospect}"))["items"]
        assert len(tasks) == 6
        assert (await work.record(prospect))["score"] == 6


async def test_a_merge_field_that_does_not_exist_is_named_at_save(deployment: Deployment) -> None:
    work = deployment.workspace
    link = await work.asset()
    wrong = CALL | {"params": CALL["params"] | {"title": "Call {{ prospect.frist_name }}", "zone": "Mars/Phobos"}}
    with pytest.raises(Refusal) as refused:
        await work.save(link, [wrong])
    assert {error["pointer"]: error["detail"] for error in refused.value.body["errors"]} == {
        "/actions/0/params/title": "prospect.frist_name is not a merge field",
        "/actions/0/params/zone": "must be a time zone such as Europe/Vienna",
    }


async def _tags_paused(deployment: Deployment) -> bool:
    return (await deployment.processes["executors"].metrics()).get('finish_executor_paused{executor="tags"}') == 1


async def _waits(deployment: Deployment, prospect: str) -> bool:
    items = (await deployment.workspace.api("GET", f"/deliveries?prospect_id={prospect}"))["items"]
    return [len(delivery["waits_for"]) for delivery in items] == [1]
