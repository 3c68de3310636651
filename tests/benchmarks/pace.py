"""Figure: what the evaluator costs while interactions come at a pace, beside the bare loop at the same pace."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import islice
from typing import Final

from schemas import topics
from tests.benchmarks.evaluator import evaluators
from tests.benchmarks.figures import Figure, Limit
from tests.benchmarks.log import counts, publish, publish_paced
from tests.benchmarks.measure import Span, over
from tests.benchmarks.run import Run
from tests.benchmarks.stage import Place, Stage, program
from tests.benchmarks.workload import Workload
from tests.support.eventually import eventually

PER_S: Final = 500
_WARM_S: Final = 2.0
_FINISH, _BARE, _IDLE = "the evaluator", "bare aiokafka loop", "the evaluator, idle"
Runner = Callable[[Place, Workload], AbstractAsyncContextManager[list[int]]]


async def measure(stage: Stage, run: Run) -> list[Figure]:
    """Send for half a minute and look at the process meanwhile."""
    figure = Figure(
        "pace",
        f"At {PER_S} interactions/s",
        ("cores",),
        limits=(Limit("cores of the evaluator", _FINISH, "cores", 0.5),),
    )
    seconds = run.seconds(30)
    workload = Workload(round(PER_S * (seconds + 2 * _WARM_S)), prospects=2_000, mix=run.mix)
    for repeat in range(run.repeats):
        for name, runner in ((_FINISH, _finish), (_BARE, _bare)):
            async with stage.place() as place:
                span = await _paced(place, workload, seconds, runner)
            figure.add(name, cores=span.cores)
        async with stage.place() as place, place.service("evaluator") as idle:
            await asyncio.sleep(_WARM_S)
            figure.add(_IDLE, cores=(await over([idle.pid], seconds / 3, 0)).cores)
        run.say(f"repeat {repeat + 1}: {figure.runs[_FINISH][-1]['cores']:.2f} cores")
    return [figure]


async def _paced(place: Place, workload: Workload, seconds: float, runner: Runner) -> Span:
    await publish(place.kafka, topics.DEFINITIONS, workload.definitions(), partitions=1)
    await publish(place.kafka, topics.INTERACTIONS, workload.snapshots())
    events = workload.events()
    await publish(place.kafka, topics.INTERACTIONS, islice(events, 1))
    async with counts(place.kafka) as found, runner(place, workload) as pids:
        await eventually(lambda: found.of(topics.DECISIONS), 60)
        sending = asyncio.ensure_future(publish_paced(place.kafka, topics.INTERACTIONS, events, PER_S))
        try:
            await asyncio.sleep(_WARM_S)
            return await over(pids, seconds, round(PER_S * seconds))
        finally:
            sending.cancel()
            await asyncio.wait([sending])


@asynccontextmanager
async def _finish(place: Place, workload: Workload) -> AsyncIterator[list[int]]:
    async with evaluators(place) as pids:
        yield pids


@asynccontextmanager
async def _bare(place: Place, workload: Workload) -> AsyncIterator[list[int]]:
    task = {"bootstrap": place.kafka.bootstrap, "prefix": place.kafka.topic_prefix, "workload": workload.sizes}
    async with program("tests.benchmarks.floors.bare_loop", task) as loop:
        yield [loop.pid]
