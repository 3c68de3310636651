"""`finish dead-letters` on the real console: shown, replayed with its effect, given up."""

from uuid import uuid4

import pytest

from deploy.errors import DeployError
from tests.support.deployment import Deployment
from tests.support.finish_command import finish, json_lines

pytestmark = pytest.mark.asyncio(loop_scope="session")

WARM = {"id": "warm", "type": "adjust_score", "params": {"op": "add", "amount": 5}}


async def lost(stack: Deployment, *, count: int = 1) -> tuple[str, list[str]]:
    """Return a prospect that is not there, and the clicks that are dead for it."""
    work, nobody = stack.workspace, str(uuid4())
    asset = await work.asset([WARM])
    await work.known(asset, 1)
    uids = [await work.click(asset, nobody) for _ in range(count)]
    for uid in uids:
        await work.reached(uid, "dead")
    return nobody, uids


async def create(stack: Deployment, prospect: str) -> None:
    async with stack.database() as database:
        await database.execute("INSERT INTO prospects (id) VALUES ($1)", prospect)


async def listed(capsys: pytest.CaptureFixture[str], prospect: str) -> list[str]:
    capsys.readouterr()
    await finish("dead-letters", "list", "--prospect", prospect, "--json")
    return [letter["id"] for letter in json_lines(capsys.readouterr().out)]


async def test_what_was_dead_is_shown_and_replayed_and_takes_effect_once(
    stack: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    prospect, (uid,) = await lost(stack)
    (letter,) = await listed(capsys, prospect)
    assert await finish("dead-letters", "show", letter) == 0
    assert "unknown_prospect" in capsys.readouterr().out

    await create(stack, prospect)
    assert await finish("dead-letters", "replay", letter) == 0
    await stack.workspace.settled(uid)
    assert (await stack.workspace.record(prospect))["score"] == 5


async def test_all_of_a_prospect_are_replayed_by_one_filter(
    stack: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    prospect, uids = await lost(stack, count=5)
    await create(stack, prospect)
    capsys.readouterr()
    assert await finish("dead-letters", "replay", "--prospect", prospect, "--yes") == 0
    assert capsys.readouterr().out == "5 of 5 replayed\n"
    for uid in uids:
        await stack.workspace.settled(uid)
    assert (await stack.workspace.record(prospect))["score"] == 25


async def test_what_is_given_up_is_deleted_by_id_and_by_filter(
    stack: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    prospect, _ = await lost(stack, count=3)
    first, *_ = await listed(capsys, prospect)
    assert await finish("dead-letters", "delete", first) == 0
    assert len(await listed(capsys, prospect)) == 2
    assert await finish("dead-letters", "delete", "--prospect", prospect, "--yes") == 0
    assert await listed(capsys, prospect) == []
    with pytest.raises(DeployError, match="was answered 404"):
        await finish("dead-letters", "show", first)
