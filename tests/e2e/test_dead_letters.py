"""What died is replayed and has its effect once; what is deleted has none."""

from datetime import datetime
from typing import Any

import orjson

from tests.support.deployment import Deployment
from tests.support.workspace import Workspace, fired

STRANGER = "00000000-0000-4000-8000-000000000001"
ACTIONS: list[dict[str, Any]] = [
    {"id": "plus", "type": "adjust_score", "params": {"op": "add", "amount": 5}},
    {"id": "seen", "type": "add_tags", "params": {"tags": ["seen"]}},
]
OWNER: dict[str, Any] = {"id": "own", "type": "assign_owner", "params": {"user": "ana"}}
ON_OWNER: dict[str, Any] = {
    "id": "told",
    "trigger": "owner_changed",
    "type": "add_tags",
    "params": {"tags": ["owned"]},
}


async def _letters(work: Workspace, **query: str) -> list[dict[str, Any]]:
    return list((await work.api("GET", "/dead-letters", params=query))["items"])


async def test_an_interaction_that_came_before_its_prospect_is_decided_once_with_the_time_of_its_acceptance(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    link = await work.asset(ACTIONS)
    await work.known(link, 1)
    lost = await work.click(link, STRANGER)
    await work.reached(lost, "dead")
    (letter,) = await _letters(work, prospect_id=STRANGER)
    inspected = await work.api("GET", f"/dead-letters/{letter['id']}")
    posted = orjson.loads(inspected["value"]["content"])
    assert posted["uid"] == lost

    # Still nobody: the replay fails and is the same letter.
    await work.api("POST", f"/dead-letters/{letter['id']}/replay")

    async def failed_again() -> bool:
        return [(one["attempts"], one["replayed_at"]) for one in await _letters(work)] == [(2, None)]

    await deployment.until(failed_again)
    assert [one["id"] for one in await _letters(work)] == [letter["id"]]

    async with deployment.database() as database:
        await database.execute("INSERT INTO prospects (id) VALUES ($1)", STRANGER)
    await work.api("PATCH", f"/prospects/{STRANGER}", {"fields": {"city": "Bonn"}})
    replayed = await work.api("POST", "/dead-letters/replay", {"prospect_id": STRANGER, "reason": "unknown_prospect"})
    assert replayed == {"replayed": 1, "left": False}
    decided = await work.settled(lost)
    assert fired(decided) == {"plus": True, "seen": True}
    assert datetime.fromisoformat(decided["recordedtime"]) == datetime.fromisoformat(posted["recordedtime"])
    await deployment.until(lambda: _none_left(work))

    # Read again and again, the effect stays one, and the letter gone.
    await deployment.kill("evaluator")
    await deployment.start("evaluator")
    await work.settled(await work.click(link, STRANGER))
    record = await work.record(STRANGER)
    assert (record["score"], record["tags"]) == (10, ["seen"])
    assert await _letters(work) == []


async def _none_left(work: Workspace) -> bool:
    return await _letters(work) == []


async def test_a_dead_command_is_carried_out_once_when_what_it_missed_is_there_and_fires_no_trigger(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    await work.api("POST", "/users", {"id": "ana", "name": "Ana", "email": "ana@example.com"})
    await work.save("prospect", [ON_OWNER])
    link = await work.asset([OWNER])
    await work.known(link, 1)
    prospect = await work.prospect()
    async with deployment.database() as database:
        await database.execute("DELETE FROM users")
        first = await work.settled(await work.click(link, prospect))
        assert [command["outcome"]["state"] for command in first["commands"]] == ["dead"]
        await database.execute("INSERT INTO users (id, name, email) VALUES ('ana', 'Ana', 'ana@example.com')")
    (letter,) = await _letters(work, executor="owner")
    before, version = await work.timeline(prospect), (await work.record(prospect))["version"]

    for process in ("relay", "executors"):
        await deployment.stop(process)
    for _ in range(3):
        await work.api("POST", f"/dead-letters/{letter['id']}/replay")
    for process in ("relay", "executors"):
        await deployment.start(process)
    await deployment.until(lambda: _none_left(work))

    assert (await work.record(prospect))["owner"] == "ana"
    (command,) = (await work.why(first["uid"]))["commands"]
    assert (command["outcome"]["state"], command["outcome"]["attempts"]) == ("done", 2)
    marker = await work.asset([{"id": "end", "type": "adjust_score", "params": {"op": "add", "amount": 1}}])
    await work.known(marker, 1)
    await work.settled(await work.click(marker, prospect))
    assert len(await work.timeline(prospect)) == len(before) + 1
    assert (await work.record(prospect))["version"] == version + 2


async def test_one_that_is_deleted_before_its_replay_is_published_is_not_carried_out(deployment: Deployment) -> None:
    work = deployment.workspace
    link = await work.asset(ACTIONS)
    await work.known(link, 1)
    lost = await work.click(link, STRANGER)
    await work.reached(lost, "dead")
    await deployment.stop("relay")
    async with deployment.database() as database:
        await database.execute("INSERT INTO prospects (id) VALUES ($1)", STRANGER)
    await work.api("POST", "/dead-letters/replay", {"reason": "unknown_prospect"})
    assert await work.api("DELETE", "/dead-letters", params={"reason": "unknown_prospect"}) == {
        "deleted": 1,
        "left": False,
    }
    await deployment.start("relay")
    await deployment.until(lambda: _outbox_is_empty(deployment))
    await work.settled(await work.click(link, STRANGER))
    assert (await work.record(STRANGER))["score"] == 5
    assert (await work.why(lost))["status"] == "dead"
    assert await _letters(work) == []


async def _outbox_is_empty(deployment: Deployment) -> bool:
    async with deployment.database() as database:
        return bool(await database.fetchval("SELECT count(*) = 0 FROM outbox"))
