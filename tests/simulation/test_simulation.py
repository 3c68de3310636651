"""Ten thousand schedules in every run; `make simulate SCHEDULES=1000000` plays as many as one likes."""

import subprocess
import sys
from typing import Final

import pytest

from deploy.local.child import ROOT

SCHEDULES: Final = 10_000
PARTS: Final = 10


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in a process of its own, whose hashes are fixed."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_every_schedule_ends_as_the_model_says(part: int) -> None:
    each = SCHEDULES // PARTS
    told = simulate("--first", str(part * each), "--schedules", str(each), "--workers", "1")
    assert told.returncode == 0, told.stdout[-4000:]
    assert f"{each} schedules from seed {part * each}, 0 ended wrong" in told.stdout


def test_a_seed_plays_the_same_again() -> None:
    once, again = (simulate("--schedules", "30", "--digests", "--workers", "1").stdout for _ in range(2))
    assert once == again
    digests = [line.split()[1] for line in once.splitlines()[:30]]
    assert len(set(digests)) == 30
    alone = simulate("--first", "17", "--schedules", "1", "--digests", "--workers", "1").stdout
    assert alone.split()[1] == digests[17]
