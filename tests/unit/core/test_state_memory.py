"""How much memory rests in what states are made of: in a process of its own, where nothing else is kept."""

import subprocess
import sys

import pytest

_GROWTH_KIB = """
import resource
from core.state import State, effect, encode
make = {"effect": lambda n: effect(n, "tags", "add_tags", {"tags": ["hot"]}, 300), "state": lambda n: encode(State(version=n))}
kept = [make["%s"](n) for n in range(1000)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kept += [make["%s"](n) for n in range(20_000)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["effect", "state"])
def test_what_rests_takes_about_the_memory_that_its_bytes_need(kind: str) -> None:
    """An encoder's own result may hold on to kilobytes: twenty thousand of them would take over 60 MiB."""
    program = _GROWTH_KIB % (kind, kind)
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(answer.stdout) < 20 * 1024
