"""Run it: `make bench`, or `python -m tests.benchmarks --help`."""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from services.chassis import logs
from services.chassis.settings import Log
from tests.benchmarks import (
    closed_loop,
    curves,
    deliveries,
    evaluator,
    ingest,
    isolation,
    latency,
    pace,
    record_effects,
    report,
)
from tests.benchmarks.measure import machine
from tests.benchmarks.run import Run
from tests.benchmarks.stage import stage
from tests.benchmarks.workload import MIXES

FIGURES = {
    "evaluator": evaluator.measure,
    "closed-loop": closed_loop.measure,
    "pace": pace.measure,
    "record-effects": record_effects.measure,
    "ingest": ingest.measure,
    "latency": latency.measure,
    "deliveries": deliveries.measure,
    "isolation": isolation.measure,
    "curves": curves.measure,
}


async def main(chosen: list[str], run: Run, results: Path) -> None:
    """Measure the chosen figures on one broker and one database, and keep each as soon as it is there."""
    logs.configure(Log(level="warning", format="console"), service="bench")
    with tempfile.TemporaryDirectory(prefix="finish-bench-") as folder:
        for name in chosen:
            conditions = _conditions(run)
            async with stage(Path(folder) / name) as servers:
                run.say(f"{name}: {run.repeats} repeats at scale {run.scale:g}")
                figures = await FIGURES[name](servers, run)
            report.write(results, figures, conditions)
            for figure in figures:
                sys.stdout.write("\n" + report.plain(figure))
            sys.stdout.flush()


def _conditions(run: Run) -> dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit.stdout.strip() or "no commit",
        "repeats": run.repeats,
        "scale": run.scale,
        "mix": run.mix,
        "machine": machine(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make bench", description="Measure each figure beside its floor.")
    parser.add_argument("--only", choices=list(FIGURES), action="append", help="this figure; may be given again")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of every count and duration, for a quick look")
    parser.add_argument("--mix", choices=list(MIXES), default="record", help="the types of the workload's actions")
    parser.add_argument("--results", type=Path, default=Path(".local/bench"), help="where the JSON files are")
    parser.add_argument("--render", type=Path, metavar="PAGE", help="measure nothing: write the results into this page")
    told = parser.parse_args()
    if told.render:
        sys.stdout.write(f"rendered: {', '.join(report.render(told.results, told.render))}\n")
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main(told.only or list(FIGURES), Run(told.repeats, told.scale, told.mix), told.results))
