import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import asyncio, sys
from services.chassis.process import Process, run, fail_stop
from services.chassis.settings import ServiceSettings, load

def say(text):
    print(text, flush=True)

async def forever(name):
    try:
        await asyncio.Event().wait()
    finally:
        say(name + " ended")

async def draining(process, name):
    await process.stopping.wait()
    say(name + " drained")

async def stubborn():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def failing():
    raise KeyError("ann@example.com")

async def returning():
    pass

async def main(process: Process, settings: ServiceSettings) -> None:
    try:
        async with process.parts() as parts:
            {body}
    finally:
        say("closed")

run(main, load(ServiceSettings))
"""


class Running:
    """A small service in a process of its own."""

    def __init__(self, body: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.replace("{body}", body)],
            env=os.environ | {"PYTHONPATH": ".", "FA_OPS__PORT": "0"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, text: str) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if text in line:
                return
        raise AssertionError(f"it ended without {text}")

    def wait_until_started(self) -> None:
        self.wait_for('"process_started"')

    def end(self) -> tuple[int, list[str], str]:
        """Wait, and return the exit code, what the program said and what went to standard error."""
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out.splitlines(), err


def events(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_at_a_signal_work_drains_the_rest_ends_in_reverse_and_the_exit_code_is_0(number: signal.Signals) -> None:
    running = Running("""
            parts.start("one", forever("one"))
            parts.start_draining("two", draining(process, "two"))
            parts.start("three", forever("three"))
            parts.start("four", forever("four"))""")
    running.wait_until_started()
    running.process.send_signal(number)
    code, lines, _ = running.end()
    assert code == 0
    assert [line for line in lines if not line.startswith("{")] == [
        "two drained",
        "four ended",
        "three ended",
        "one ended",
        "closed",
    ]


@pytest.mark.parametrize("part", ["failing()", "returning()"])
def test_a_part_that_fails_or_ends_by_itself_ends_the_process_with_70(part: str) -> None:
    code, lines, err = Running(f"""
            parts.start("one", forever("one"))
            parts.start("two", {part})""").end()
    assert code == 70
    assert "one ended" in lines
    assert "closed" in lines
    assert events(lines)[-1]["event"] == "process_failed"
    assert "ann@example.com" not in "".join(lines) + err


def test_a_failure_while_starting_ends_the_process_with_70() -> None:
    code, lines, _ = Running("raise OSError('no broker')").end()
    assert code == 70
    assert events(lines)[-1]["failure"]["parts"][0]["text"] == "no broker"


def test_a_signal_while_starting_is_not_kept_waiting() -> None:
    running = Running("""
            parts.start("one", forever("one"))
            say("starting")
            await asyncio.Event().wait()""")
    running.wait_for("starting")
    running.process.terminate()
    code, lines, _ = running.end()
    assert code == 0
    assert "one ended" in lines
    assert "closed" in lines


def test_a_part_that_does_not_drain_in_time_is_cut_off() -> None:
    running = Running('parts.start_draining("one", forever("one"))', FA_STOP__GRACE_S="0.2")
    running.wait_until_started()
    running.process.terminate()
    code, lines, _ = running.end()
    assert code == 0
    assert "one ended" in lines


def test_a_process_that_will_not_stop_is_ended() -> None:
    running = Running('parts.start("one", stubborn())', FA_STOP__GRACE_S="0.1", FA_STOP__CANCEL_S="0.1")
    running.wait_until_started()
    running.process.terminate()
    code, _, err = running.end()
    assert code == 70
    assert "took too long" in err


def test_a_second_signal_ends_the_process_at_once() -> None:
    running = Running('parts.start_draining("one", forever("one"))')
    running.wait_until_started()
    running.process.terminate()
    running.wait_for("process_stopping")
    running.process.terminate()
    code, _, err = running.end()
    assert code == 70
    assert json.loads(err)["reason"] == "SIGTERM while stopping"


def test_fail_stop_ends_the_process_at_once_with_one_line_that_says_why() -> None:
    code, lines, err = Running("""
            parts.start("one", forever("one"))
            fail_stop("broken chain at 3")""").end()
    assert code == 70
    assert "closed" not in lines
    assert json.loads(err) == {"event": "fail_stop", "level": "critical", "reason": "broken chain at 3"}


def test_a_mistake_in_the_settings_ends_the_process_with_78() -> None:
    code, _, err = Running("pass", FA_OPS__PORT="many").end()
    assert code == 78
    assert "FA_OPS__PORT" in err


def test_the_settings_in_force_are_the_first_line() -> None:
    running = Running(
        'parts.start("one", forever("one"))', FA_POSTGRES__URL="postgresql://u:hunter2@h/d", FA_FAIL="x:1:kill"
    )
    assert running.process.stdout
    first = running.process.stdout.readline()
    running.process.kill()
    running.end()
    assert json.loads(first)["event"] == "settings_in_force"
    assert json.loads(first)["failpoints"] == ["x"]
    assert "hunter2" not in first
