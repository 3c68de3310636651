"""What is looked for once, when all runs are over: what is left of the erased in any table, and of anybody in logs and metrics; and
what grew."""

from collections.abc import Collection, Iterable, Iterator
from statistics import median

import asyncpg

from tests.chaos.rig.samples import Samples
from tests.chaos.rig.stage import Stage, part_of
from tests.support.canaries import tables_with

_ERASED_MAX = 20
_DOMAIN = "@example.com"
"""Of every address that a client has given."""
_GROWTH_MAX = 1.1
_SLACK = 5.0
"""MiB, or descriptors."""


async def leaks(stage: Stage, erased: Collection[str]) -> list[str]:
    """Return a sentence for each: I11 for addresses of the erased, I16 for the rest."""
    found = list(_in_logs(stage))
    for name, process in stage.processes.items():
        found += [f"I16 a metric of {name} names an address" for sample in await process.metrics() if _DOMAIN in sample]
    connection = await asyncpg.connect(stage.database_url, timeout=30, command_timeout=120)
    try:
        for email in list(erased)[:_ERASED_MAX]:
            places = await tables_with(connection, email)
            found += [
                f"I11 an address of an erased prospect is in {rows} rows of {table}" for table, rows in places.items()
            ]
    finally:
        await connection.close(timeout=30)
    return found


def growth(samples: Samples, services: Iterable[str]) -> Iterator[str]:
    """Say which service needs more at the end than after a quarter of the time: I17. Evaluators hold what they know of prospects."""
    for name in services:
        for what, series in (("memory", samples.memory), ("descriptors", samples.descriptors)):
            if what == "memory" and part_of(name) == "evaluator":
                continue
            points = series[name]
            end = points[-1][0]
            early = median(value for at, value in points if end / 4 <= at <= end / 2)
            late = median(value for at, value in points if at >= end * 3 / 4)
            if late > early * _GROWTH_MAX + _SLACK:
                yield f"I17 {what} of {name} grew from {early:.0f} to {late:.0f}"


def _in_logs(stage: Stage) -> Iterator[str]:
    key = stage.work.headers["Authorization"].removeprefix("Bearer ")
    for name, process in stage.processes.items():
        for what, text in (("an address", _DOMAIN), ("the API key", key)):
            if text in process.log:
                yield f"I16 the log of {name} has {what}"
