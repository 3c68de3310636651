"""The supervisor: order, restarts, stops, and nothing left behind. With stand-ins, which are real processes."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from deploy.errors import DeployError
from deploy.local.child import ChildSpec, leashed
from deploy.local.leftovers import ProcessList, sole_owner
from deploy.local.ports import claim, free_port
from deploy.local.readiness import http_ready
from deploy.local.settings import HOST
from deploy.local.supervisor import Supervisor
from tests.support.eventually import eventually

Lines = list[tuple[str, str]]


def stand_in(
    folder: Path, name: str, *arguments: str, after: tuple[str, ...] = (), ready_timeout_s: float = 20.0
) -> ChildSpec:
    port = free_port()
    return ChildSpec(
        name=name,
        argv=(sys.executable, "-m", "tests.support.stand_in", *arguments),
        log_file=folder / f"{name}.log",
        env={"FA_OPS__PORT": str(port)},
        ready=lambda: http_ready(f"http://{HOST}:{port}"),
        after=after,
        ready_timeout_s=ready_timeout_s,
        stop_timeout_s=1.0,
    )


async def told_to_wait(spec: ChildSpec) -> bool:
    return "told to wait" in (await spec.ready() or "")


@asynccontextmanager
async def supervising(folder: Path) -> AsyncIterator[tuple[Supervisor, Lines]]:
    lines: Lines = []

    def tell(name: str, text: str) -> None:
        lines.append((name, text))

    async with asyncio.TaskGroup() as keepers:
        supervisor = Supervisor(ProcessList(folder / "processes.json"), tell, keepers)
        try:
            yield supervisor, lines
        finally:
            await supervisor.stop()


async def test_children_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    async with supervising(tmp_path) as (supervisor, lines):
        await supervisor.start(
            [stand_in(tmp_path, "b", after=("a",)), stand_in(tmp_path, "a"), stand_in(tmp_path, "c", after=("b",))]
        )
        started = [name for name, text in lines if text.startswith("ready")]
        lines.clear()
    stopped = [name for name, text in lines if text.startswith("stopped (exit code 0")]
    assert (started, stopped) == (["a", "b", "c"], ["c", "b", "a"])


async def test_a_child_waits_until_the_one_it_comes_after_is_ready(tmp_path: Path) -> None:
    gate = tmp_path / "open"
    async with supervising(tmp_path) as (supervisor, lines):
        first = stand_in(tmp_path, "first", "--ready-file", str(gate))
        starting = asyncio.create_task(supervisor.start([first, stand_in(tmp_path, "second", after=("first",))]))
        await eventually((tmp_path / "first.log").exists)
        await eventually(lambda: told_to_wait(first))
        assert not (tmp_path / "second.log").exists()
        gate.touch()
        await starting
        assert [name for name, _ in lines] == ["first", "second"]


async def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    async with supervising(tmp_path) as (supervisor, lines):
        await supervisor.start([stand_in(tmp_path, "worker")])
        supervisor.child("worker").send(signal.SIGKILL)
        await eventually(lambda: ("worker", "ready again") in lines)
        assert ("worker", "ended with signal SIGKILL, starting again in 0.5 s") in lines


async def test_a_child_that_keeps_ending_is_told_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.local.supervisor._PAUSE_MAX_S", 0.01)
    broken = tmp_path / "broken"
    async with supervising(tmp_path) as (supervisor, lines):
        await supervisor.start([stand_in(tmp_path, "worker", "--fail-file", str(broken))])
        broken.touch()
        supervisor.child("worker").send(signal.SIGKILL)
        told = await eventually(lambda: [text for _, text in lines if text.startswith("keeps ending")])
    assert "the stand-in refuses to work" in told[0]


async def test_a_child_that_never_becomes_ready_fails_the_start(tmp_path: Path) -> None:
    async with supervising(tmp_path) as (supervisor, _):
        with pytest.raises(DeployError, match=r"(?s)worker ended with exit code 3\..*the stand-in refuses to work"):
            await supervisor.start([stand_in(tmp_path, "worker", "--refuse")])


async def test_a_child_that_takes_too_long_fails_the_start_with_its_reason(tmp_path: Path) -> None:
    async with supervising(tmp_path) as (supervisor, _):
        waiting = stand_in(tmp_path, "worker", "--ready-file", str(tmp_path / "never"), ready_timeout_s=2.0)
        with pytest.raises(DeployError, match="worker was not ready within 2 s: stand-in: told to wait"):
            await supervisor.start([waiting])


async def test_a_child_that_ignores_sigterm_or_is_suspended_is_stopped_all_the_same(tmp_path: Path) -> None:
    async with supervising(tmp_path) as (supervisor, lines):
        await supervisor.start([stand_in(tmp_path, "deaf", "--deaf"), stand_in(tmp_path, "held")])
        supervisor.child("held").send(signal.SIGSTOP)
    stopped = {name: text.split(",")[0] for name, text in lines if text.startswith("stopped")}
    assert stopped == {"deaf": "stopped (signal SIGKILL", "held": "stopped (exit code 0"}


async def test_a_child_ends_with_its_parent_even_when_that_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    nap = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(600)"
    program = (
        "import subprocess, sys; from deploy.local.child import leashed;"
        f"subprocess.run(leashed(sys.executable, '-c', {nap!r}))"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    child = int(await eventually(lambda: note.exists() and note.read_text()))
    parent.kill()
    await parent.wait()
    await eventually(lambda: not psutil.pid_exists(child))
    assert not psutil.pid_exists(child)


def test_what_a_killed_stack_left_running_is_ended_by_the_next(tmp_path: Path) -> None:
    left = subprocess.Popen(leashed(sys.executable, "-c", "import time; time.sleep(600)"))
    ProcessList(tmp_path / "processes.json").add("worker", left.pid, signal.SIGTERM)
    names = ProcessList(tmp_path / "processes.json").reap()
    assert (names, left.poll() is None) == (("worker",), False)


async def test_a_pid_that_belongs_to_another_program_by_now_is_left_alone(tmp_path: Path) -> None:
    other = await asyncio.create_subprocess_exec(*leashed(sys.executable, "-c", "import time; time.sleep(600)"))
    try:
        file = tmp_path / "processes.json"
        file.write_text(f'{{"worker": {{"pid": {other.pid}, "started": 1000.0, "stop_signal": 15}}}}')
        assert (ProcessList(file).reap(), other.returncode) == ((), None)
    finally:
        other.kill()
        await other.wait()


def test_a_folder_has_one_stack_at_a_time(tmp_path: Path) -> None:
    with sole_owner(tmp_path), pytest.raises(DeployError, match=r"a stack runs in .* already"), sole_owner(tmp_path):
        pass


async def test_a_taken_port_is_refused_in_one_sentence_that_names_the_setting() -> None:
    server = await asyncio.start_server(lambda *_: None, HOST, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DeployError, match=rf"^port {port} for ingest is taken .* FA_LOCAL__INGEST_PORT$"):
            claim(port, owner="ingest", setting="FA_LOCAL__INGEST_PORT")
