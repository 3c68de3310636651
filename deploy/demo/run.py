"""The demo from beginning to end: make the workspace, play, check, tell."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final

import aiohttp

from deploy.demo import campaign
from deploy.demo.address import read_address
from deploy.demo.api import Api, connected
from deploy.demo.gauges import Counts, read_counts
from deploy.demo.journal import Journal
from deploy.demo.pace import Pace
from deploy.demo.people import people
from deploy.demo.player import Player, create_prospects
from deploy.demo.screen import Phase, Screen
from deploy.demo.script import Follow, Lane, Post, Submit, script
from deploy.demo.summary import tell_figures, tell_next, tell_result, tell_why
from deploy.demo.verification import verify
from deploy.demo.workspace import make_workspace
from deploy.errors import DeployError

_SIDE_BY_SIDE: Final = 24
_EVENTS_PER_S: Final = 150.0
_LIVE_EVERY_S: Final = 0.7
_SETTLED_DEADLINE_S: Final = 60.0


async def demo(stack_file: Path, prospects: int, interactions: int, seed: int) -> int:
    """Return the exit code: 0 when every expected effect is there once and nothing else. Raises DeployError."""
    try:
        return await _demo(stack_file, prospects, interactions, seed)
    except* (DeployError, aiohttp.ClientError, TimeoutError) as failures:
        raise DeployError(f"the demo cannot go on: {_first(failures)}") from None


def _first(failure: BaseException) -> str:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return str(failure) or type(failure).__name__


async def _demo(stack_file: Path, prospects: int, interactions: int, seed: int) -> int:
    screen, journal = Screen(), Journal(f"demo-{secrets.token_hex(3)}")
    users = tuple(user for user in campaign.USERS if user != campaign.AWAY)
    bodies = list(people(prospects, journal.run, Random(seed), users, tuple(campaign.LISTS)))  # noqa: S311 - a script
    lanes = script(prospects, interactions, Random(seed))  # noqa: S311 - not a secret
    async with connected(read_address(stack_file)) as api:
        before = await read_counts(api)
        workspace = await make_workspace(api, journal)
        screen.say(f"workspace     {len(workspace.assets)} assets with their action lists, run {journal.run}")
        with screen.phase("prospects created", prospects) as phase:
            ids = await create_prospects(api, journal, bodies, _SIDE_BY_SIDE, phase)
        player = Player(api, journal, workspace, ids, Pace(_EVENTS_PER_S))
        await player.wait_until_known()
        began = time.monotonic()
        with screen.phase("events accepted", _events(lanes)) as phase:
            await _play(player, lanes, phase, before)
        took_s = time.monotonic() - began
        with screen.phase("prospects checked", prospects) as phase:
            findings = await verify(api, journal, phase, _SETTLED_DEADLINE_S)
        after = await read_counts(api)
        tell_figures(screen, journal.accepted, findings, after and before and after.since(before), took_s)
        tell_result(screen, findings, prospects)
        await tell_why(screen, api, findings)
        example = findings.examples.get("fired") or next(iter(findings.examples.values()))
        tell_next(screen, api, journal.source, workspace.assets["pricing"], ids[0], example.uid)
    return 1 if findings.differences else 0


def _events(lanes: Sequence[Lane]) -> int:
    steps = [step for lane in lanes for step in lane]
    return sum(len(step.touches) if isinstance(step, Post) else isinstance(step, Submit | Follow) for step in steps)


async def _play(player: Player, lanes: Sequence[Lane], phase: Phase, before: Counts | None) -> None:
    async with asyncio.TaskGroup() as group:
        live = group.create_task(_live(player.api, phase, before))
        await player.play(lanes, phase)
        live.cancel()


async def _live(api: Api, phase: Phase, before: Counts | None) -> None:
    """Keep showing what has come of it so far, from the services' own counters."""
    while before is not None:
        await asyncio.sleep(_LIVE_EVERY_S)
        if (now := await read_counts(api)) is not None:
            counts = now.since(before)
            figures = (f"{counts.fired} fired", f"{sum(counts.effects.values())} effects", counts.latency())
            phase.remark(", ".join(filter(None, figures)))
