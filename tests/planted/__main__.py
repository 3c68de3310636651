"""Plant each defect into a copy of the tree and let the simulation, or the rig, look for it: `python -m tests.planted [NAME ...]`.

Prints a table; exit code 0 only if every one was found, and the tree without any is clean.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from deploy.local.child import ROOT
from tests.planted.bugs import BUGS, RIG_BUGS, Bug

SCHEDULES: Final = 4_000
RIG_RUNS: Final = 3
_TIMEOUT_S: Final = 1_200.0
_VIOLATION: Final = re.compile(r"^ +(I\d+ .*)$", re.MULTILINE)
_PARTS: Final = ("core", "schemas", "services", "deploy", "tests")
_SHOWN_MAX: Final = 70


class Found(NamedTuple):
    """What became of a search: which seed told it first, and how."""

    seed: str
    told: str


@contextmanager
def planted(bug: Bug | None) -> Iterator[Path]:
    """Yield a copy of the tree with this defect."""
    with tempfile.TemporaryDirectory(prefix="finish-planted-") as folder:
        copy = Path(folder)
        for part in _PARTS:
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        if bug is not None:
            file = copy / bug.file
            file.write_text(changed(file.read_text(encoding="utf-8"), bug), encoding="utf-8")
        yield copy


def changed(text: str, bug: Bug) -> str:
    """Return a file's text with the defect. Raises ValueError where its place is not there once: the table is stale."""
    if text.count(bug.old) != 1:
        raise ValueError(f"{bug.name}: {text.count(bug.old)} places in {bug.file} instead of one")
    return text.replace(bug.old, bug.new)


def search(bug: Bug | None, schedules: int = SCHEDULES) -> Found | None:
    """Look for a defect, or for any where none was planted. None: all schedules ended as they should."""
    with planted(bug) as copy:
        command = [
            sys.executable,
            "-m",
            "tests.simulation",
            "--schedules",
            str(schedules),
            "--workers",
            "1",
            "--enough",
            "1",
        ]
        try:
            ended = subprocess.run(command, cwd=copy, check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return Found("-", "it never ends")
    lines = ended.stdout.splitlines()
    if ended.returncode == 0:
        return None
    told = next((number for number, line in enumerate(lines) if line.startswith("seed ")), None)
    if told is None:
        raise RuntimeError(f"the simulation does not run: {ended.stderr[-500:]}")
    return Found(lines[told].split(":")[0].removeprefix("seed "), lines[told + 1].strip())


def rigged(bug: Bug | None, plan: Sequence[str], runs: int = RIG_RUNS) -> Found | None:
    """Look for a defect with real servers and processes, under these faults."""
    with planted(bug) as copy:
        command = [sys.executable, "-m", "tests.chaos.rig", "--runs", str(runs), "--plan", *plan]
        ended = subprocess.run(command, cwd=copy, check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)
    told = _VIOLATION.search(ended.stdout)
    if ended.returncode == 0:
        return None
    if told is None:
        raise RuntimeError(f"the rig does not run: {ended.stderr[-500:]}")
    return Found("rig", told.group().strip())


def main(names: list[str]) -> int:
    """Search for all, or those whose name is given, and for what nobody planted."""
    missed = 0
    print("| defect | found by seed | told as |\n|---|---|---|", flush=True)
    wanted = [bug for bug in BUGS if not names or bug.name in names]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for bug, found in zip(wanted, pool.map(search, wanted), strict=True):
            missed += found is None
            seed, told = found or Found("MISSED", f"{SCHEDULES} schedules ended as they should")
            print(f"| {bug.name} | {seed} | {told[:_SHOWN_MAX]} |", flush=True)
    for bug, plan in RIG_BUGS:
        if names and bug.name not in names:
            continue
        found = rigged(bug, plan)
        missed += found is None
        seed, told = found or Found("MISSED", f"{RIG_RUNS} runs ended as they should")
        print(f"| {bug.name} | {seed} | {told[:_SHOWN_MAX]} |", flush=True)
    clean = search(None)
    print(
        f"| none | {'-' if clean is None else clean.seed} | {'nothing' if clean is None else clean.told} |", flush=True
    )
    return 1 if missed or clean is not None else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
