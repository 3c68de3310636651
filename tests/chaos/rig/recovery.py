"""How long effects stay away when something is killed, and how long a backlog of an outage takes: seconds, told by the clients."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from tests.chaos.rig.faults import broker_up
from tests.chaos.rig.stage import Stage
from tests.support.drain import drained
from tests.support.eventually import eventually
from tests.support.workspace import Refusal

PEOPLE: Final = 24
"""Clicked by each, so that every partition has some."""
_AGAIN_S: Final = 0.1
_ANSWER_S: Final = 5.0
_EFFECT_S: Final = 120.0
_BATCH: Final = 20


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was killed, and after how many seconds the first effect and the last person's effect were there."""

    killed: str
    first_s: float
    all_s: float


@dataclass(frozen=True, slots=True)
class Outage:
    """How many interactions came while the database was away, and in how many seconds all of them had taken effect after it."""

    away_s: float
    interactions: int
    drained_s: float


async def recoveries(stage: Stage) -> Sequence[Recovery]:
    """Kill everything once, one after another, each on a system at rest, and click at once."""
    asset, people = await _pulse(stage)

    broker = stage.brokers[0]

    async def server(kill: Callable[[], Awaitable[None]], start: Callable[[], Awaitable[None]]) -> None:
        await kill()
        await start()

    kills: dict[str, Callable[[], Awaitable[Any]]] = {
        **{name: stage.processes[name].kill for name in stage.processes},
        "broker": lambda: server(broker.child.kill, lambda: broker_up(broker)),
        "database": lambda: server(stage.database.child.kill, stage.database.restart),
    }
    return [await _recovery(stage, name, kill, asset, people) for name, kill in kills.items()]


async def _recovery(
    stage: Stage, name: str, kill: Callable[[], Awaitable[Any]], asset: str, people: Sequence[str]
) -> Recovery:
    loop = asyncio.get_running_loop()
    stage.sinks.web.came.clear()
    stage.sinks.web.at.clear()
    began = loop.time()
    killing = asyncio.ensure_future(kill())
    await asyncio.gather(*(_click(stage, asset, one) for one in people))
    await eventually(lambda: len(stage.sinks.web.came) >= len(people), _EFFECT_S)
    await killing
    times = sorted(at - began for at in stage.sinks.web.at.values())
    await stage.keeper.ready()
    await drained(stage.kafka, stage.database_url, _EFFECT_S)
    return Recovery(name, times[0], times[-1])


async def outage(stage: Stage, away_s: float, per_s: float) -> Outage:
    """Stop the database, post at this rate meanwhile, start it, and wait until all has taken effect."""
    loop, accepted = asyncio.get_running_loop(), 0
    asset, people = await _pulse(stage)
    await stage.database.child.kill()
    began = loop.time()
    while (now := loop.time() - began) < away_s:
        if accepted > now * per_s:
            await asyncio.sleep(0.01)
            continue
        events = [stage.work.event(asset, people[(accepted + place) % len(people)]) for place in range(_BATCH)]
        await _posted(stage, events)
        accepted += _BATCH
    await stage.database.restart()
    back = loop.time()
    await drained(stage.kafka, stage.database_url, 600.0)
    took = loop.time() - back
    done = sum(1 for _ in stage.sinks.web.came)
    assert done >= accepted, f"{accepted} were accepted, {done} took effect"
    return Outage(away_s, accepted, took)


async def _pulse(stage: Stage) -> tuple[str, Sequence[str]]:
    """Create an asset whose click changes the record and calls a webhook, and people to click it."""
    hook = f"http://127.0.0.1:{stage.links['deliveries>web'].port}/taken"
    actions = [
        {"id": "plus", "type": "adjust_score", "params": {"op": "add", "amount": 1}},
        {"id": "hook", "type": "fire_webhook", "params": {"url": hook}},
    ]
    asset = await stage.work.asset(actions)
    await stage.work.known(asset, 1)
    people = [await stage.work.prospect(email=f"pulse-{asset}-{number}@example.com") for number in range(PEOPLE)]
    await drained(stage.kafka, stage.database_url, _EFFECT_S)
    stage.sinks.web.came.clear()
    return asset, people


async def _click(stage: Stage, asset: str, person: str) -> None:
    await _posted(stage, [stage.work.event(asset, person)])


async def _posted(stage: Stage, events: Sequence[dict[str, Any]]) -> None:
    while True:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await stage.work.post(*events)
        except Refusal as refusal:
            if refusal.status < 500:
                raise
        except (aiohttp.ClientError, TimeoutError):
            pass
        else:
            return
        await asyncio.sleep(_AGAIN_S)
