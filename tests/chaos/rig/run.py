"""One seed on a stage: clients act while faults come and go; then all is healed, comes to rest, and is held to the clients' log."""

import asyncio
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import asyncpg

from services.chassis.process import EXIT_FAILED
from tests.chaos.model.checker import Claim, Elsewhere, check, fingerprint
from tests.chaos.model.history import History
from tests.chaos.model.log import Accepted, Created
from tests.chaos.model.sent import differences
from tests.chaos.rig.faults import FAULTS, KILLS, Fault
from tests.chaos.rig.stage import Stage
from tests.chaos.rig.traffic import Traffic
from tests.support.drain import drained
from tests.support.stories import Scene

REST_DEADLINE_S: Final = 120.0
KILLED: Final = -9
_KNOWN_ENDS: Final = (0, KILLED, EXIT_FAILED)
_LANES: Final = 12
_SERVER_KILLED: Final = re.compile(r"killed (the broker|broker-\d|the database)$")
_REQUESTS_PER_S: Final = 40.0
_READY_BETWEEN: Final = 0.5
"""How often all is ready again when the next fault comes."""
_TIMEOUT_S: Final = 30.0
_LOG_LINES: Final = 1_000
_ERRORS_MAX: Final = 5


@dataclass
class Run:
    """What a seed did and what was found. Times in seconds."""

    seed: int
    faults: list[str] = field(default_factory=list)
    kills: int = 0
    prospects: int = 0
    interactions: int = 0
    commands: int = 0
    edits: int = 0
    erased: int = 0
    erased_addresses: list[str] = field(default_factory=list)
    uncertain: int = 0
    answers: Mapping[str, int] = field(default_factory=dict)
    rest_s: float = 0.0
    total_s: float = 0.0
    digest: str = ""
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Played:
    """A run and what it is held to; `before` is what was there of others."""

    run: Run
    claim: Claim
    elsewhere: Elsewhere
    before: Mapping[str, tuple[int, int]]


def drawn(random: Random, faults: int = 1) -> list[Fault]:
    """Draw a kill and some more faults, in any order."""
    plan = [random.choice(KILLS), *random.sample(FAULTS, faults)]
    random.shuffle(plan)
    return plan


async def play(
    stage: Stage, scene: Scene, seed: int, plan: Sequence[Fault], *, per_s: float = _REQUESTS_PER_S
) -> Played:
    """Play one seed with these faults, and judge it."""
    began, run, random = time.monotonic(), Run(seed), Random(seed)
    history = History(stage.folder / f"history-{seed}.jsonl")
    before = await fingerprint(stage.database_url)
    ended = {name: len(codes) for name, codes in stage.keeper.ended.items()}
    for sink in stage.sinks.all:
        sink.came.clear()
    stage.reader.forget()
    traffic = Traffic(stage.work, scene, stage.database_url, history, seed=seed, lanes=_LANES, per_s=per_s)
    acting, waiting = asyncio.ensure_future(traffic.run()), []
    try:
        for fault in plan:
            await asyncio.sleep(random.uniform(0.3, 1.5))
            run.faults.append(await fault(stage, random))
            if random.random() < _READY_BETWEEN:
                waiting += await _unready(stage)
    except BaseException:
        acting.cancel()
        raise
    traffic.stop()
    stage.heal()
    waiting += await _unready(stage)
    await asyncio.wait([acting], timeout=REST_DEADLINE_S)
    if not acting.done():
        waiting += [f"I1 clients wait for ever: {what}" for what in _waiting()]
    acting.cancel()
    try:
        await acting
    except* asyncio.CancelledError:
        assert waiting
    except* AssertionError as failed:  # what a client saw itself
        waiting += [str(each) for each in failed.exceptions]
    healed = time.monotonic()
    restless = await _at_rest(stage)
    run.rest_s = time.monotonic() - healed
    elsewhere = Elsewhere(*(dict(sink.came) for sink in stage.sinks.all))
    played = Played(run, traffic.claim(), elsewhere, before)
    codes = {name: all_codes[ended[name] :] for name, all_codes in stage.keeper.ended.items()}
    sent = await _sent(stage, played.claim)
    run.violations = [*waiting, *restless, *sent, *await judged(stage, played), *_ends(codes)]
    run.kills = sum(code == KILLED for each in codes.values() for code in each)
    run.kills += sum(bool(_SERVER_KILLED.match(what)) for what in run.faults)
    run.interactions = sum(isinstance(entry, Accepted) for log in played.claim.logs.values() for entry in log.entries)
    run.prospects = len(played.claim.logs)
    run.commands = sum(1 for _ in played.claim.outcomes)
    run.erased_addresses = [log.entries[0].values["email"] for owner, log in traffic.log.prospects.items()
                            if owner in traffic.erased and isinstance(log.entries[0], Created)]  # fmt: skip
    run.edits, run.erased, run.uncertain = traffic.edits, len(traffic.erased), await _uncertain(stage)
    run.answers, run.digest = dict(history.counts), history.digest
    history.close()
    run.total_s = time.monotonic() - began
    return played


async def _unready(stage: Stage) -> list[str]:
    """Return when all are ready, or say who is not."""
    try:
        await stage.keeper.ready()
    except AssertionError as exc:
        return [f"I1 {exc}{_complaints(stage)}"]
    return []


def _complaints(stage: Stage) -> str:
    """Return the brokers' last errors: who is not ready may wait for a broker that cannot load its group."""
    errors = [
        line
        for broker in stage.brokers
        for line in broker.child.log_tail(_LOG_LINES).splitlines()
        if " ERROR " in line and "ControllerApis" not in line
    ]
    return "".join(f"; the broker says: {line.strip(' |')}" for line in errors[-_ERRORS_MAX:])


async def _sent(stage: Stage, claim: Claim) -> list[str]:
    """Return what is not as it must be in the topics of commands and their groups' offsets."""
    await stage.reader.caught_up()
    found = [*differences(claim, stage.reader.sent), *stage.reader.early]
    if not stage.reader.checked:
        found.append("I14 no committed offset was looked at")
    return found


async def judged(stage: Stage, played: Played) -> list[str]:
    """Return what is not as it must be, with what this run did or with what was there before."""
    claim, before = played.claim, played.before
    found = await check(stage.database_url, claim, played.elsewhere, others=True)
    after = await fingerprint(stage.database_url, claim.owners)
    found += [
        f"I2 {table} of others changed: {before[table]} rows and sum, now {after[table]}"
        for table in before
        if table != "dead_letters" and after[table] != before[table]
    ]
    letters = await _count(stage, "SELECT count(*) FROM dead_letters WHERE prospect_id IS NULL")
    if letters != stage.poison:
        found.append(f"I10 {stage.poison} records were poison, {letters} dead letters are of nobody")
    return found


async def _at_rest(stage: Stage) -> list[str]:
    """Return when nothing is under way any more, or say what still is after two minutes."""
    try:
        await drained(stage.kafka, stage.database_url, REST_DEADLINE_S)
    except AssertionError as exc:
        connection = await asyncpg.connect(stage.database_url, timeout=_TIMEOUT_S)
        rows = await connection.fetch(
            "SELECT executor, destination, attempts, waits, due_at - clock_timestamp() AS due_in, count(*) AS rows"
            " FROM deliveries GROUP BY 1, 2, 3, 4, 5 ORDER BY rows DESC LIMIT 10"
        )
        await connection.close(timeout=_TIMEOUT_S)
        return [f"I1 not at rest: {exc}", *(f"I1 left: {dict(row)}" for row in rows)]
    return []


def _waiting() -> Iterator[str]:
    """Say where the clients stand."""
    for task in asyncio.all_tasks():
        coroutine: Any = task.get_coro()
        places = []
        while getattr(coroutine, "cr_frame", None) is not None:
            places.append(f"{coroutine.cr_code.co_qualname}:{coroutine.cr_frame.f_lineno}")
            coroutine = coroutine.cr_await
        if any("_lane" in place or "_edit" in place for place in places):
            yield " > ".join(places)


def _ends(codes: Mapping[str, Sequence[int | None]]) -> Iterator[str]:
    for name, each in codes.items():
        for code in each:
            if code not in _KNOWN_ENDS:
                yield f"{name} ended with {code}"


async def _uncertain(stage: Stage) -> int:
    return await _count(stage, "SELECT count(*) FROM command_ledger WHERE state = 'uncertain'")


async def _count(stage: Stage, query: str) -> int:
    connection = await asyncpg.connect(stage.database_url, timeout=_TIMEOUT_S)
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close(timeout=_TIMEOUT_S)
