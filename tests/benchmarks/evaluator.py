"""Figure: a backlog of interactions through one evaluator, beside the idiomatic Faust agent and a bare loop."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import orjson

from deploy.local.child import leashed
from schemas import topics
from services.chassis.settings import Kafka
from tests.benchmarks.figures import Bar, Figure
from tests.benchmarks.log import counts, publish
from tests.benchmarks.measure import Span, drained
from tests.benchmarks.run import Run
from tests.benchmarks.stage import Place, Stage, program, stop
from tests.benchmarks.workload import Workload
from tests.support.drain import EVALUATORS, lag
from tests.support.eventually import eventually

INTERACTIONS: Final = 1_000_000
FAUST_INTERACTIONS: Final = 50_000
_SNAPSHOTS_PER_S: Final = 5_000
COLUMNS: Final = ("interactions/s", "CPU us each", "RSS MiB")
_FINISH, _FAUST, _BARE = "the evaluator", "Faust as its documentation says", "bare aiokafka loop, same bytes"


class WrongError(Exception):
    """It was fast, and what came out is not what had to."""


async def measure(stage: Stage, run: Run) -> list[Figure]:
    """Drain the same log with each of them, one after the other, in every repeat."""
    figure = Figure(
        "evaluator",
        "Evaluator on a backlog, one process",
        COLUMNS,
        bars=(
            Bar("rate, times the Faust agent's", _FINISH, _FAUST, COLUMNS[0], 8),
            Bar("rate, of the bare loop's", _FINISH, _BARE, COLUMNS[0], 0.45),
        ),
    )
    workload = Workload(run.count(INTERACTIONS), prospects=run.count(20_000), mix=run.mix)
    for repeat in range(run.repeats):
        async with stage.place() as place:
            await fill(place.kafka, workload)
            spans = {_FINISH: await finish(place, workload)}
        run.say(f"repeat {repeat + 1}: {_FINISH} {spans[_FINISH].rate:,.0f}/s")
        async with stage.place() as place:
            await fill(place.kafka, workload)
            spans[_BARE] = await bare(place, workload)
        async with stage.place() as place:
            few = Workload(**workload.sizes | {"interactions": min(workload.interactions, FAUST_INTERACTIONS)})
            await fill(place.kafka, few)
            spans[_FAUST] = await faust(place, few)
        run.say(f"repeat {repeat + 1}: {_BARE} {spans[_BARE].rate:,.0f}/s, {_FAUST} {spans[_FAUST].rate:,.0f}/s")
        for name, span in spans.items():
            figure.add(name, interactions_s=span.rate, cpu_us_each=span.cpu_us, rss_mib=span.rss_mib)
    figure.notes = (f"{workload.interactions:,} interactions, {workload.prospects:,} prospects, actions: {run.mix}",)
    return [figure]


async def fill(settings: Kafka, workload: Workload) -> None:
    """Publish definitions, then snapshots, then interactions."""
    await publish(settings, topics.DEFINITIONS, workload.definitions(), partitions=1)
    await publish(settings, topics.INTERACTIONS, workload.snapshots())
    await publish(settings, topics.INTERACTIONS, workload.events())


async def finish(place: Place, workload: Workload, processes: int = 1) -> Span:
    """Drain with our evaluator, and check what it sent. Raises WrongError."""
    async with counts(place.kafka) as found, evaluators(place, processes) as pids:
        patience_s = 60 + workload.prospects / _SNAPSHOTS_PER_S  # the snapshots come first, without decisions
        span = await drained(pids, lambda: found.of(topics.DECISIONS), workload.interactions, stalled_s=patience_s)
        sent, expected = await found.commands(), workload.expected_commands()
        dead, decided = await found.of(topics.DEAD_LETTERS), await found.of(topics.DECISIONS)
        if +sent != expected or dead or decided != workload.interactions:
            raise WrongError(f"{decided} decisions, {dict(+sent)} commands of {dict(expected)}, {dead} dead letters")
        await eventually(lambda: _checkpointed(place.kafka), 30)
    return span


async def _checkpointed(settings: Kafka) -> bool:
    return await lag(settings, EVALUATORS) == 0


@asynccontextmanager
async def evaluators(place: Place, processes: int = 1) -> AsyncIterator[list[int]]:
    """Start evaluators without waiting until they are ready: by then they are at work. Yield their pids."""
    members = [place.service("evaluator", FA_KAFKA__MEMBER_ID=f"member-{number}") for number in range(processes)]
    try:
        for member in members:
            await member.start(wait_ready=False)
        yield [member.pid for member in members]
    finally:
        for member in members:
            await member.stop()


async def bare(place: Place, workload: Workload) -> Span:
    """Drain with the bare loop."""
    task = {"bootstrap": place.kafka.bootstrap, "prefix": place.kafka.topic_prefix, "workload": workload.sizes}
    async with counts(place.kafka) as found, program("tests.benchmarks.floors.bare_loop", task) as loop:
        return await drained([loop.pid], lambda: found.of(topics.DECISIONS), workload.interactions)


async def faust(place: Place, workload: Workload) -> Span:
    """Drain with the Faust agent; the last few may be missing."""
    env = {
        "BENCH_BOOTSTRAP": place.kafka.bootstrap,
        "BENCH_PREFIX": place.kafka.topic_prefix,
        "BENCH_WORKLOAD": orjson.dumps(workload.sizes).decode(),
        "BENCH_DATADIR": str(place.folder / "faust"),
    }
    module = "tests.benchmarks.floors.faust_agent"
    argv = leashed(sys.executable, "-m", module, "--loop", "uvloop", "worker", "-l", "error", "--without-web")
    process = await asyncio.create_subprocess_exec(
        *argv, env=os.environ | env, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with counts(place.kafka) as found:
            goal = round(0.98 * workload.interactions)
            return await drained([process.pid], lambda: found.of(topics.DECISIONS), goal, stalled_s=60)
    finally:
        await stop(process)
