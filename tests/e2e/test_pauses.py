"""A paused type waits, decisions go on, and all its effects follow in order when the pause ends."""

from typing import Any

from tests.support.deployment import Deployment
from tests.support.workspace import fired

CLICKS = 20


def _score_at_least(score: int) -> dict[str, Any]:
    return {"combinator": "and", "rules": [{"field": "original.score", "operator": ">=", "value": score}]}


async def test_while_tags_are_paused_the_next_click_sees_their_effects_and_the_end_of_the_pause_counts_exactly(
    deployment: Deployment,
) -> None:
    work = deployment.workspace
    tagged = {"combinator": "and", "rules": [{"field": "original.tags", "operator": "anyOf", "value": ["seen"]}]}
    link = await work.asset(
        [
            {"id": "plus", "type": "adjust_score", "params": {"op": "add", "amount": 1}},
            {"id": "seen", "type": "add_tags", "params": {"tags": ["seen"]}},
            {"id": "again", "type": "add_tags", "params": {"tags": ["again"]}, "criteria": tagged},
            {"id": "tenth", "type": "add_tags", "params": {"tags": ["tenth"]}, "criteria": _score_at_least(9)},
        ]
    )
    await work.known(link, 1)
    prospect = await work.prospect()
    pause = await work.api("POST", "/pauses", {"scope": "type", "id": "add_tags"})
    await deployment.until(lambda: _tags_paused(deployment, 1))

    first, second = await work.click(link, prospect), await work.click(link, prospect)
    assert fired(await work.reached(first, "decided")) == {"plus": True, "seen": True, "again": False, "tenth": False}
    assert fired(await work.reached(second, "decided")) == {"plus": True, "seen": True, "again": True, "tenth": False}
    uids = [first, second, *[await work.click(link, prospect) for _ in range(CLICKS - 2)]]
    await deployment.until(lambda: _scored(deployment, prospect))
    assert (await work.record(prospect))["tags"] == []
    assert await deployment.processes["executors"].not_ready() is None

    await work.api("DELETE", f"/pauses/{pause['id']}")
    for uid in uids:
        await work.settled(uid)
    record = await work.record(prospect)
    assert (record["score"], record["tags"]) == (CLICKS, ["seen", "again", "tenth"])
    async with deployment.database() as database:
        rows = await database.fetch(
            "SELECT state, count(*) AS commands FROM command_ledger WHERE type = 'add_tags' GROUP BY 1"
        )
    assert {row["state"]: row["commands"] for row in rows} == {"done": 3, "no_change": 3 * CLICKS - 1 - 9 - 3}


async def _tags_paused(deployment: Deployment, value: float) -> bool:
    return (await deployment.processes["executors"].metrics()).get('finish_executor_paused{executor="tags"}') == value


async def _scored(deployment: Deployment, prospect: str) -> bool:
    return bool((await deployment.workspace.record(prospect))["score"] == CLICKS)
