"""Figures: how cost grows with prospects, with actions per asset and with evaluator processes."""

from typing import Final

from schemas import topics
from tests.benchmarks.evaluator import COLUMNS, INTERACTIONS, evaluators, fill, finish
from tests.benchmarks.figures import Figure
from tests.benchmarks.log import publish
from tests.benchmarks.measure import usage
from tests.benchmarks.run import Run
from tests.benchmarks.stage import Place, Stage
from tests.benchmarks.workload import Workload
from tests.support.drain import EVALUATORS, lag
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess

PROSPECTS: Final = 20_000
_SHARE: Final = 0.2
"""Of the backlog's interactions: the curves compare with each other."""
_KIB: Final = 1024
_MEMBER: Final = {"FA_KAFKA__MEMBER_ID": "member-0"}
"""The same as `evaluators` gives its first: a restart has the partitions at once."""
_HYDRATED: Final = "finish_evaluator_hydrated_states_total"
_HYDRATION: Final = "finish_evaluator_hydration_seconds_sum"


async def measure(stage: Stage, run: Run) -> list[Figure]:
    """Draw the three curves, repeat by repeat."""
    prospects = Figure(
        "curve-prospects",
        "Prospects: state",
        ("prospects", "hydrate s", "states/s", "RSS MiB", "KiB per prospect"),
    )
    rate = Figure("curve-rate", "Prospects, actions per asset, processes: rate", COLUMNS)
    count = run.count(round(_SHARE * INTERACTIONS))
    base = run.count(PROSPECTS)
    cases = {
        "as the backlog": (Workload(count, prospects=base), 1),
        "10x prospects": (Workload(count, prospects=10 * base), 1),
        "100x prospects": (Workload(count, prospects=100 * base), 1),
        "10x actions per asset": (Workload(count, prospects=base, actions=50), 1),
        "2 evaluator processes": (Workload(count, prospects=base), 2),
    }
    for repeat in range(run.repeats):
        for name, (workload, processes) in cases.items():
            async with stage.place() as place:
                await fill(place.kafka, workload)
                span = await finish(place, workload, processes)
            rate.add(name, interactions_s=span.rate, cpu_us_each=span.cpu_us, rss_mib=span.rss_mib)
            run.say(f"repeat {repeat + 1}: {name} {span.rate:,.0f}/s")
        for factor in (1, 10, 100):
            async with stage.place() as place:
                await _hydration(place, Workload(0, prospects=factor * base), prospects, f"{factor}x")
    return [prospects, rate]


async def _hydration(place: Place, workload: Workload, figure: Figure, series: str) -> None:
    """Let an evaluator take the snapshots in, then look at a new one that hydrates from what the first has kept."""
    await publish(place.kafka, topics.DEFINITIONS, workload.definitions(), partitions=1)
    async with place.service("evaluator", **_MEMBER) as empty:
        rss_before = usage([empty.pid]).rss_bytes
    await publish(place.kafka, topics.INTERACTIONS, workload.snapshots())
    async with evaluators(place):
        await eventually(lambda: _caught_up(place), 600, poll_s=0.5)
    async with place.service("evaluator", **_MEMBER) as hydrated:
        await eventually(lambda: _has(hydrated, workload.prospects), 300)
        metrics, used = await hydrated.metrics(), usage([hydrated.pid])
    figure.add(
        series,
        prospects=workload.prospects,
        hydrate_s=metrics[_HYDRATION],
        states_s=workload.prospects / metrics[_HYDRATION],
        rss_mib=used.rss_bytes / _KIB / _KIB,
        kib_per_prospect=(used.rss_bytes - rss_before) / _KIB / workload.prospects,
    )


async def _caught_up(place: Place) -> bool:
    return await lag(place.kafka, EVALUATORS) == 0


async def _has(evaluator: ServiceProcess, states: int) -> bool:
    return (await evaluator.metrics()).get(_HYDRATED, 0) >= states
