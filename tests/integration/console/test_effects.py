"""What actions made inside the workspace, over HTTP: tasks, notices, leads, and what is still to be delivered; teams."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.integration.console.conftest import Running
from tests.integration.console.test_dead_letters import stored
from tests.support.workspace import Refusal


async def _task(console: Running, prospect: str, title: str) -> UUID:
    task = uuid4()
    await console.rows(
        "INSERT INTO tasks (id, prospect_id, title, due_at, assignee, priority) VALUES ($1, $2, $3, now(), $4, 'normal')"
        " RETURNING id",
        task,
        UUID(prospect),
        title,
        await _user(console),
    )
    return task


async def _user(console: Running) -> str:
    user = await console.work.api("POST", "/users", {"name": "Ann", "email": f"{uuid4().hex}@example.com"})
    return str(user["id"])


async def _waiting(console: Running, prospect: str, after: UUID, *, dead: bool) -> UUID:
    """Keep a delivery behind a command, as the intake does."""
    command = uuid4()
    await console.rows(
        "INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, attempts, recordedtime)"
        " VALUES ($1, $2, $3, 'call', 'tasks', 'create_crm_task', $4, 0, now()) RETURNING command_id",
        command,
        uuid4(),
        UUID(prospect),
        "held" if dead else "waiting",
    )
    await console.rows(
        'INSERT INTO deliveries (command_id, executor, destination, type, action, prospect_id, topic, partition, "offset",'
        " value, due_at, waits, held) VALUES ($1, 'tasks', 'in_app', 'create_crm_task', 'link/call', $2, 't', 0, 0, '', now(),"
        " 1, $3) RETURNING command_id",
        command,
        UUID(prospect),
        int(dead),
    )
    await console.rows(
        "INSERT INTO delivery_waits VALUES ($1, $2, true, $3) RETURNING command_id", after, command, dead
    )
    return command


async def test_tasks_are_listed_newest_first_and_of_one_prospect(console: Running) -> None:
    ann, bob = await console.work.prospect(), await console.work.prospect()
    first, second = await _task(console, ann, "first"), await _task(console, ann, "second")
    await _task(console, bob, "another's")

    page = await console.work.api("GET", f"/tasks?prospect_id={ann}&limit=1")
    rest = await console.work.api("GET", f"/tasks?prospect_id={ann}&limit=1&cursor={page['next']}")

    assert [task["id"] for task in (*page["items"], *rest["items"])] == [str(second), str(first)]
    assert rest["next"] is None
    assert page["items"][0]["title"] == "second"


async def test_a_notice_is_read_once_and_listed_by_user(console: Running) -> None:
    prospect, user, notice = await console.work.prospect(), await _user(console), uuid4()
    await console.rows(
        "INSERT INTO notices (id, command_id, prospect_id, user_id, subject, text) VALUES ($1, $2, $3, $4, 'Hi', 'Look')"
        " RETURNING id",
        notice,
        uuid4(),
        UUID(prospect),
        user,
    )
    (listed,) = (await console.work.api("GET", f"/notices?user={user}"))["items"]
    assert (listed["id"], listed["text"], listed["read_at"]) == (str(notice), "Look", None)

    first = await console.work.api("POST", f"/notices/{notice}/read", None)
    again = await console.work.api("POST", f"/notices/{notice}/read", None)

    assert first["read_at"] is not None
    assert again == first
    for unknown in (str(uuid4()), "nonsense"):
        with pytest.raises(Refusal) as refused:
            await console.work.api("POST", f"/notices/{unknown}/read", None)
        assert refused.value.status == 404


async def test_a_lead_is_listed(console: Running) -> None:
    prospect, lead = await console.work.prospect(), uuid4()
    await console.rows(
        "INSERT INTO leads (id, prospect_id, status) VALUES ($1, $2, 'new') RETURNING id", lead, UUID(prospect)
    )
    (listed,) = (await console.work.api("GET", f"/leads?prospect_id={prospect}"))["items"]
    assert (listed["id"], listed["status"]) == (str(lead), "new")


async def test_the_grounds_of_a_resubscription_are_listed(console: Running) -> None:
    prospect = await console.work.prospect()
    await console.rows(
        "INSERT INTO resubscriptions (prospect_id, list, evidence) VALUES ($1, 'news', 'asked at the fair') RETURNING id",
        UUID(prospect),
    )
    (listed,) = (await console.work.api("GET", f"/resubscriptions?prospect_id={prospect}"))["items"]
    assert (listed["list"], listed["evidence"]) == ("news", "asked at the fair")


async def test_a_delivery_says_how_it_stands_and_what_it_waits_for(console: Running) -> None:
    prospect, ahead = await console.work.prospect(), uuid4()
    command = await _waiting(console, prospect, ahead, dead=False)

    for query in (f"command_id={command}", f"prospect_id={prospect}&executor=tasks"):
        (listed,) = (await console.work.api("GET", f"/deliveries?{query}"))["items"]
        assert (listed["command_id"], listed["state"], listed["waits_for"]) == (str(command), "waiting", [str(ahead)])
    assert (await console.work.api("GET", f"/deliveries?prospect_id={prospect}&executor=notify"))["items"] == []


async def test_a_delivery_that_is_over_tells_its_attempts(console: Running) -> None:
    prospect, command = await console.work.prospect(), uuid4()
    await console.rows(
        "INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, attempts, recordedtime)"
        " VALUES ($1, gen_random_uuid(), $2, 'tell', 'webhook', 'fire_webhook', 'done', 2, now())",
        command,
        UUID(prospect),
    )
    await console.rows(
        "INSERT INTO delivery_attempts (command_id, number, executor, destination, prospect_id, started_at, result, status)"
        " VALUES ($1, 1, 'webhook', 'https://shop.example/', $2, now(), 'retry', '503'),"
        " ($1, 2, 'webhook', 'https://shop.example/', $2, now(), 'done', '200')",
        command,
        UUID(prospect),
    )
    for query in (f"command_id={command}", f"prospect_id={prospect}"):
        (listed,) = (await console.work.api("GET", f"/deliveries?{query}"))["items"]
        assert (listed["state"], listed["destination"], listed["attempts"]) == ("done", "https://shop.example/", 2)
        assert [(each["number"], each["result"], each["status"]) for each in listed["history"]] == [
            (1, "retry", "503"),
            (2, "done", "200"),
        ]
    assert (await console.work.api("GET", f"/deliveries?prospect_id={prospect}&executor=email"))["items"] == []


@pytest.mark.parametrize("how", ["one", "all that match"])
async def test_what_is_held_behind_a_dead_command_is_suppressed_with_its_letter(console: Running, how: str) -> None:
    prospect, dead, other = await console.work.prospect(), uuid4(), uuid4()
    held, going_on = (
        await _waiting(console, prospect, dead, dead=True),
        await _waiting(console, prospect, other, dead=False),
    )
    letter = await stored(console, command_id=dead, prospect_id=prospect)

    path = f"/dead-letters/{letter}" if how == "one" else f"/dead-letters?prospect_id={prospect}"
    await console.work.api("DELETE", path)

    rows = await console.rows(
        "SELECT command_id, state, reason FROM command_ledger WHERE prospect_id = $1", UUID(prospect)
    )
    assert {row["command_id"]: (row["state"], row["reason"]) for row in rows} == {
        held: ("suppressed", "dependency"),
        going_on: ("waiting", None),
    }
    left = await console.work.api("GET", f"/deliveries?prospect_id={prospect}")
    assert [delivery["command_id"] for delivery in left["items"]] == [str(going_on)]


async def test_an_erasure_takes_tasks_notices_and_deliveries_with_it(console: Running) -> None:
    prospect = await console.work.prospect()
    await _task(console, prospect, "call")
    command = await _waiting(console, prospect, uuid4(), dead=False)

    await console.rows("INSERT INTO delivery_requests VALUES ($1, $2, 'Dear Ann')", command, UUID(prospect))
    await console.rows(
        "INSERT INTO delivery_attempts (command_id, number, executor, destination, prospect_id, started_at, answer)"
        " VALUES ($1, 1, 'webhook', 'shop', $2, now(), 'Hello Ann')",
        command,
        UUID(prospect),
    )

    await console.rows("UPDATE deliveries SET begun_at = now(), lease = 2 WHERE command_id = $1", command)
    (listed,) = (await console.work.api("GET", f"/deliveries?command_id={command}"))["items"]
    assert [(each["number"], each["result"]) for each in listed["history"]] == [(1, "started"), (2, "started")]

    receipt = await console.work.api("DELETE", f"/prospects/{prospect}")

    assert await console.rows("SELECT FROM delivery_requests WHERE prospect_id = $1", UUID(prospect)) == []
    attempts = await console.rows(
        "SELECT number, answer, result, error FROM delivery_attempts WHERE prospect_id = $1 ORDER BY number",
        UUID(prospect),
    )
    assert [tuple(attempt) for attempt in attempts] == [
        (1, None, "started", None),
        (2, None, "uncertain", "erased meanwhile"),
    ]
    removed: dict[str, Any] = receipt["removed"]
    assert (removed["tasks"], removed["notices"], removed["commands"], removed["deliveries"]) == (1, 0, 1, 1)
    (row,) = await console.rows("SELECT state, reason FROM command_ledger WHERE command_id = $1", command)
    assert (row["state"], row["reason"]) == ("suppressed", "erased")


async def test_a_team_has_members_who_exist(console: Running) -> None:
    ann, bob = sorted([await _user(console), await _user(console)])
    team = await console.work.api("POST", "/teams", {"name": "Sales", "members": [bob, ann, bob]})
    assert (team["name"], team["members"]) == ("Sales", [ann, bob])
    assert team in (await console.work.api("GET", "/teams?limit=200"))["items"]

    with pytest.raises(Refusal) as refused:
        await console.work.api("POST", "/teams", {"name": "Nobody", "members": [ann, "nobody"]})
    assert [error["pointer"] for error in refused.value.body["errors"]] == ["/members/1"]
    with pytest.raises(Refusal) as refused:
        await console.work.api("POST", "/teams", {"id": team["id"], "name": "Again"})
    assert refused.value.status == 409
