"""From acceptance to effect, seen by the database: not a benchmark, but nothing may wait for a time-out unnoticed."""

from statistics import median
from typing import Final

from tests.support.deployment import Deployment

CLICKS: Final = 60
MEDIAN_MAX_S: Final = 1.0
SLOWEST_MAX_S: Final = 10.0
WAITED: Final = "SELECT extract(epoch FROM settled_at - recordedtime)::float8 AS waited_s FROM command_ledger"


async def test_an_effect_follows_its_interaction_without_waiting_for_anything(deployment: Deployment) -> None:
    work = deployment.workspace
    link = await work.asset(
        [
            {"id": "plus", "type": "adjust_score", "params": {"op": "add", "amount": 1}},
            {"id": "seen", "type": "add_tags", "params": {"tags": ["seen"]}},
        ]
    )
    prospects = [await work.prospect() for _ in range(5)]
    await work.settled(await work.click(link, prospects[0]))
    async with deployment.database() as database:
        await database.execute("DELETE FROM command_ledger")  # the first one found everything cold
        for number in range(CLICKS):
            await work.settled(await work.click(link, prospects[number % len(prospects)]))
        waited_s = [row["waited_s"] for row in await database.fetch(WAITED)]

    assert len(waited_s) == 2 * CLICKS
    assert median(waited_s) < MEDIAN_MAX_S, sorted(waited_s)
    assert max(waited_s) < SLOWEST_MAX_S, sorted(waited_s)
