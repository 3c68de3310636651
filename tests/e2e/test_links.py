"""Links from the console's answer to the record: followed as a browser does, each click's effect is there, and spam is not."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.deployment import Deployment, deployed
from tests.support.workspace import fired, not_fired_because

START = datetime.now(UTC)
PLUS = {"id": "plus", "type": "adjust_score", "params": {"op": "add", "amount": 1}}
TO_US = {
    "id": "us",
    "type": "add_tags",
    "params": {"tags": ["came"]},
    "criteria": {
        "combinator": "and",
        "rules": [
            {"field": "event.url", "operator": "=", "value": "https://example.com/"},
            {"field": "event.bot", "operator": "!=", "value": "scanner"},
        ],
    },
}


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    return tmp_path / "clock"


@pytest.fixture
async def deployment(stack_env: Mapping[str, str], tmp_path: Path, clock: Path) -> AsyncIterator[Deployment]:
    async with deployed({**stack_env, "FA_CLOCK__FILE": str(clock)}, tmp_path) as running:
        yield running


def at(clock: Path, seconds: float) -> None:
    """Let time stand still that long after the start."""
    draft = clock.with_suffix(".draft")
    draft.write_text((START + timedelta(seconds=seconds)).isoformat())
    draft.replace(clock)


async def test_a_followed_link_changes_the_record_and_the_fifth_within_300_s_is_served_and_discarded(
    deployment: Deployment, clock: Path
) -> None:
    work = deployment.workspace
    at(clock, 0)
    asset = await work.asset([PLUS, TO_US])
    await work.known(asset, 1)
    prospect, other = await work.prospect(), await work.prospect()
    link = await work.link(asset, prospect)

    clicks = [await work.follow(link) for _ in range(4)]
    at(clock, 299)
    clicks.append(await work.follow(link))  # the fifth
    at(clock, 300)
    clicks.append(await work.follow(link))  # the four are outside, the fifth counts though it was refused
    at(clock, 301)
    clicks.append(await work.follow(link))
    explained = [await work.settled(uid) for uid in clicks]
    assert [each["decision"]["reason"] for each in explained] == [None] * 4 + ["spam", None, None]
    assert not_fired_because(explained[4]) == {"plus": "spam", "us": "spam"}
    record = await work.record(prospect)
    assert (record["score"], record["tags"]) == (6, ["came"])

    at(clock, 1000)
    clicks = [await work.follow(link) for _ in range(6)]
    explained = [await work.settled(uid) for uid in clicks]
    assert [each["decision"]["reason"] for each in explained] == [None] * 4 + ["spam"] * 2
    assert (await work.record(prospect))["score"] == 10

    # Somebody else from the same address is not concerned, and a scanner's click says what it is.
    scanned = await work.settled(
        await work.follow(await work.link(asset, other), **{"User-Agent": "Slackbot-LinkExpanding 1.0"})
    )
    assert fired(scanned) == {"plus": True, "us": False}
