"""The whole local stack, with every service of the product, killed at its head."""

from pathlib import Path

import psutil
import pytest

from tests.support.eventually import eventually
from tests.support.local_stack import REAL, START_DEADLINE_S, alive, environment, stack_of, stack_process, told


@pytest.mark.slow
async def test_a_killed_supervisor_leaves_no_process_and_the_next_one_none_either(tmp_path: Path) -> None:
    env = environment(tmp_path)
    async with stack_process(env, REAL) as first:
        await told(tmp_path)
        of_the_first = psutil.Process(first.pid).children(recursive=True)
        first.kill()
        await first.wait()
    async with stack_process(env, REAL) as second:
        await eventually(lambda: stack_of(tmp_path) == second.pid, START_DEADLINE_S)
        assert not [child for child in of_the_first if alive(child)]
        of_the_second = psutil.Process(second.pid).children(recursive=True)
        second.terminate()
        assert await second.wait() == 0
    assert not [child for child in of_the_second if alive(child)]
