"""Play seeds on one system that stays up: `python -m tests.chaos.rig --runs 25`, or `--hours 1` of a steady load without a fault.

Prints a line for each seed. `--report NAME` writes docs/proof/NAME.md, with the plots, the recovery times of every part and what
is looked for at the end. Exit code 0: nothing was found. SIGINT or SIGTERM end it with a page of what was played so far, and 1.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random

from deploy.local.child import ROOT
from tests.chaos.rig.ends import growth, leaks
from tests.chaos.rig.faults import named, nothing
from tests.chaos.rig.recovery import outage, recoveries
from tests.chaos.rig.report import AT_THE_END, Session, write
from tests.chaos.rig.run import Run, drawn, play
from tests.chaos.rig.samples import sampled
from tests.chaos.rig.stage import LARGE, SMALL, Stage, staged
from tests.chaos.rig.world import make_world

_OUTAGE_S = 60.0
_OUTAGE_PER_S = 200.0


async def main() -> int:
    """Play, and print."""
    asked = _asked()
    me = asyncio.current_task()
    assert me is not None
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, me.cancel)
    session = Session(f"python -m tests.chaos.rig {' '.join(sys.argv[1:])}")
    with tempfile.TemporaryDirectory(prefix="finish-chaos-") as folder:
        try:
            async with staged(
                Path(asked.folder or folder), Random(asked.first), LARGE if asked.large else SMALL
            ) as stage:
                await _played(stage, session, asked)
        except asyncio.CancelledError:
            session.stopped = True
        finally:
            if asked.report and session.runs:
                print(f"written: {write(session, ROOT / 'docs' / 'proof', asked.report).relative_to(ROOT)}")
    runs, found = session.runs, len(session.violations)
    print(
        f"{len(runs)} runs, {sum(run.interactions for run in runs):,} interactions, {sum(run.commands for run in runs):,}"
        f" commands, {sum(run.kills for run in runs)} kills, {found} violations"
    )
    return 1 if found or not runs or session.stopped else 0


async def _played(stage: Stage, session: Session, asked: argparse.Namespace) -> None:
    began = time.monotonic()
    scene = await make_world(stage)
    session.servers = await stage.versions()
    async with sampled(stage) as session.samples:
        for seed in _seeds(asked):
            plan = [nothing] if asked.hours else [named(each) for each in asked.plan]
            plan = plan or drawn(Random(f"faults of {seed}"), asked.faults)
            run = (await play(stage, scene, seed, plan, per_s=asked.per_s)).run
            session.runs.append(run)
            print(f"{time.monotonic() - began:7.1f} s  {_line(run)}", flush=True)
            for violation in run.violations[:20]:
                print(f"           {violation}", flush=True)
            if run.violations and not asked.go_on:
                return
    if asked.report:
        session.at_the_end = await leaks(stage, [each for run in session.runs for each in run.erased_addresses])
        session.looked_for = frozenset({"I11", "I16"})
        if asked.hours:
            session.at_the_end += growth(session.samples, stage.processes)
            session.looked_for = frozenset(AT_THE_END)
        else:
            session.recoveries = await recoveries(stage)
            session.outage = await outage(stage, _OUTAGE_S, _OUTAGE_PER_S)
        for violation in session.at_the_end:
            print(f"           {violation}", flush=True)


def _seeds(asked: argparse.Namespace) -> Iterator[int]:
    """Yield as many as were asked for, or as fit into the time."""
    if not asked.hours:
        yield from range(asked.first, asked.first + asked.runs)
        return
    until = time.monotonic() + asked.hours * 3600
    for seed in count(asked.first):
        if time.monotonic() > until:
            return
        yield seed


def _line(run: Run) -> str:
    return (
        f"seed {run.seed}: {run.interactions:,} interactions, {run.commands:,} commands, {run.kills} kills,"
        f" rest after {run.rest_s:.1f} s, {len(run.violations)} violations: {'; '.join(run.faults)}"
    )


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.rig")
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--hours", type=float, help="a steady load for so long, instead of faults")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--faults", type=int, default=1, help="so many in each run beside a kill")
    parser.add_argument("--plan", nargs="+", default=[], help="these faults in each run, instead of drawn ones")
    parser.add_argument("--large", action="store_true", help="three brokers, and two processes of every executor")
    parser.add_argument("--per-s", type=float, default=40.0, help="requests a second that are tried")
    parser.add_argument("--report", help="write docs/proof/<REPORT>.md")
    parser.add_argument("--folder", help="keep logs and histories there")
    parser.add_argument("--go-on", action="store_true", help="play on after a violation")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
