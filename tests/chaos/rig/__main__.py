"""Play seeds on one system that stays up: `python -m tests.chaos.rig --runs 25 --first 1`. Exit code 0: nothing was found."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.chaos.rig.run import Run, play
from tests.chaos.rig.stage import staged
from tests.chaos.rig.world import make_world


async def main() -> int:
    """Play and print a line for each seed."""
    asked = _asked()
    began, runs = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="finish-chaos-") as folder:
        async with staged(Path(asked.folder or folder), Random(asked.first)) as stage:
            scene = await make_world(stage)
            print(f"{time.monotonic() - began:7.1f} s  the system is up", flush=True)
            for seed in range(asked.first, asked.first + asked.runs):
                run = (await play(stage, scene, seed)).run
                runs.append(run)
                print(f"{time.monotonic() - began:7.1f} s  {_line(run)}", flush=True)
                for violation in run.violations[:20]:
                    print(f"           {violation}", flush=True)
                if run.violations and not asked.go_on:
                    break
    found = sum(len(run.violations) for run in runs)
    print(
        f"{len(runs)} runs, {sum(run.interactions for run in runs):,} interactions, {sum(run.commands for run in runs):,}"
        f" commands, {sum(run.kills for run in runs)} kills, {found} violations"
    )
    return 1 if found else 0


def _line(run: Run) -> str:
    return (
        f"seed {run.seed}: {run.interactions:,} interactions, {run.commands:,} commands, {run.kills} kills,"
        f" rest after {run.rest_s:.1f} s, {len(run.violations)} violations: {'; '.join(run.faults)}"
    )


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.rig")
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--folder", help="keep logs and histories there")
    parser.add_argument("--go-on", action="store_true", help="play on after a violation")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
