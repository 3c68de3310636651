"""Figure: the same backlog with relay, executors and returning snapshots, until all effects are in the database."""

import time
from typing import Final

from schemas import topics
from tests.benchmarks.evaluator import WrongError, evaluators
from tests.benchmarks.figures import Figure
from tests.benchmarks.log import counts, publish
from tests.benchmarks.measure import between, usage
from tests.benchmarks.run import Run
from tests.benchmarks.stage import Place, Stage
from tests.benchmarks.system import populate, relayed, system
from tests.benchmarks.workload import Workload
from tests.support.eventually import eventually

INTERACTIONS: Final = 200_000
_DEADLINE_S: Final = 1800.0
_EVALUATED, _SETTLED = "all decided", "all effects in the database"


async def measure(stage: Stage, run: Run) -> list[Figure]:
    """Executors and relay wait; the evaluator starts on a log that is full, timed from its first decision."""
    figure = Figure(
        "closed-loop",
        "The closed loop: backlog to effects",
        ("interactions/s", "effects/s", "evaluator CPU us", "executors CPU us", "relay CPU us"),
    )
    workload = Workload(run.count(INTERACTIONS), prospects=run.count(20_000))
    for repeat in range(run.repeats):
        async with stage.place() as place:
            await _prepare(place, workload)
            await _one(place, workload, figure)
        run.say(f"repeat {repeat + 1}: {figure.runs[_SETTLED][-1]}")
    figure.notes = (
        (
            f"{workload.interactions:,} interactions, {workload.prospects:,} prospects, "
            f"{workload.expected_commands().total():,} effects; one process each of evaluator, relay, all six executors"
        ),
    )
    return [figure]


async def _prepare(place: Place, workload: Workload) -> None:
    await publish(place.kafka, topics.DEFINITIONS, workload.definitions(), partitions=1)
    async with place.connected() as database:
        await populate(database, workload)
        async with system(place, "relay"):
            await relayed(database, 300)
    await publish(place.kafka, topics.INTERACTIONS, workload.events())


async def _one(place: Place, workload: Workload, figure: Figure) -> None:
    goal = workload.expected_commands().total()
    async with (
        counts(place.kafka) as found,
        place.connected() as database,
        system(place, "relay", "executors") as running,
        evaluators(place) as evaluator,
    ):
        pids = {"evaluator": evaluator, "executors": running.pids("executors"), "relay": running.pids("relay")}

        async def begun() -> bool:
            return await found.of(topics.DECISIONS) > 0

        async def decided() -> bool:
            return await found.of(topics.DECISIONS) >= workload.interactions

        async def settled() -> bool:
            return int(await database.fetchval("SELECT count(*) FROM command_ledger")) >= goal

        await eventually(begun, 60)
        began_s, used = time.monotonic(), {name: usage(of) for name, of in pids.items()}
        await eventually(decided, _DEADLINE_S, poll_s=0.1)
        decided_s = time.monotonic() - began_s
        await eventually(settled, _DEADLINE_S, poll_s=0.5)
        settled_s = time.monotonic() - began_s
        spans = {name: between(used[name], usage(of), workload.interactions) for name, of in pids.items()}
        await _check(place, goal)
    figure.add(_EVALUATED, interactions_s=workload.interactions / decided_s)
    figure.add(
        _SETTLED,
        interactions_s=workload.interactions / settled_s,
        effects_s=goal / settled_s,
        **{f"{name}_cpu_us": span.cpu_us for name, span in spans.items()},
    )


async def _check(place: Place, goal: int) -> None:
    """Raise WrongError unless every command has ended well, once."""
    async with place.connected() as database:
        rows = await database.fetch("SELECT state, count(*) AS number FROM command_ledger GROUP BY state")
    ended = {row["state"]: row["number"] for row in rows}
    if ended.get("done", 0) + ended.get("no_change", 0) != goal or sum(ended.values()) != goal:
        raise WrongError(f"the commands ended {ended}, {goal} were expected")
