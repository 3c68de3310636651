import orjson
import pytest

from schemas.topics import RECORD_EXECUTORS
from services.executors.registry import executors
from services.executors.runtime.entries import Entry, Record, read
from tests.benchmarks.record_effects import commands_of
from tests.benchmarks.workload import Workload


@pytest.mark.parametrize("executor", RECORD_EXECUTORS)
def test_every_command_that_is_measured_is_one_that_its_executor_carries_out(executor: str) -> None:
    commands = commands_of(executor, Workload(0, prospects=3).prospect_ids, 7)
    entries = [
        read(Record("topic", 0, offset, b"key", orjson.dumps(command)), executors()[executor], 10_000)
        for offset, command in enumerate(commands)
    ]
    assert all(isinstance(entry, Entry) and entry.refusal is None for entry in entries)
    assert len({command["id"] for command in commands}) == 7
