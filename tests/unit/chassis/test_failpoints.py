import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.chassis.failpoints import FailpointError, arm, armed, failpoint

PASSES = "from services.chassis.failpoints import failpoint\nfor n in range(5): print(n, flush=True); failpoint('a.before-b')"


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm("")


def passes(fail: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FA_FAIL": fail, "PYTHONPATH": "."}
    return subprocess.run(
        [sys.executable, "-c", PASSES], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_unset_a_failpoint_is_passed() -> None:
    ended = passes("")
    assert ended.returncode == 0
    assert ended.stdout.split() == ["0", "1", "2", "3", "4"]


def test_at_the_nth_pass_the_process_is_killed() -> None:
    ended = passes("a.before-b:3:kill")
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == ["0", "1", "2"]


def test_at_the_nth_pass_the_process_ends() -> None:
    ended = passes("other:1:kill,a.before-b:1:exit")
    assert ended.returncode == 70
    assert ended.stdout.split() == ["0"]


def test_at_the_nth_pass_an_error_is_met_once() -> None:
    arm("a.before-b:2:raise")
    assert armed() == ["a.before-b"]
    failpoint("a.before-b")
    with pytest.raises(FailpointError):
        failpoint("a.before-b")
    failpoint("a.before-b")
    assert armed() == []


@pytest.mark.parametrize("text", ["x", "x:0:kill", "x:1:explode", "x:kill"])
def test_a_mistake_in_the_setting_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        arm(text)
