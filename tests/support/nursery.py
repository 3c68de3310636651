"""Processes of one module, forked from one that has imported it already: what it would do alone begins at once.

    python -m tests.support.nursery <module>      with a socket as standard input

Each is a process as if it had been started alone: its own session, environment, log and random numbers; it can be killed,
suspended and waited for. Only the import, a second of processor time, is done once.
"""

import asyncio
import ctypes
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deploy.local.child import ROOT, leashed
from services.chassis.failpoints import arm

FORKS: Final = sys.platform == "linux"
_END_TIMEOUT_S: Final = 10.0
_MESSAGE_MAX: Final = 1024 * 1024
_nurseries: dict[str, "Nursery"] = {}


class Nursery:
    """The client of one such process, which dies with this one."""

    def __init__(self, module: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = leashed(sys.executable, "-m", "tests.support.nursery", module)
        with theirs:
            self._process = subprocess.Popen(argv, cwd=ROOT, stdin=theirs.fileno(), start_new_session=True)
        self._socket = ours

    @property
    def pid(self) -> int:
        """Return its pid."""
        return self._process.pid

    def end(self) -> None:
        """Let it end."""
        self._socket.close()
        self._process.wait(timeout=_END_TIMEOUT_S)

    def ask(self, **question: Any) -> int:
        """Return the number that answers a question."""
        self._socket.sendall(json.dumps(question).encode())
        return int(self._socket.recv(_MESSAGE_MAX))


def end_nurseries() -> set[int]:
    """Ask nobody any more, and return the pids of those that end by it. What they forked, and is still there, they leave."""
    pids = set()
    for nursery in _nurseries.values():
        pids.add(nursery.pid)
        nursery.end()
    _nurseries.clear()
    return pids


class Forked:
    """A process of a nursery, used as asyncio's own are."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid
        self._handle = os.pidfd_open(pid)
        self._ended = select.poll()
        self._ended.register(self._handle, select.POLLIN)
        self._code: int | None = None

    @property
    def returncode(self) -> int | None:
        """Return how it ended, None while it runs."""
        if self._code is None and self._ended.poll(0):
            self._code = self._nursery.ask(reap=self.pid)
            os.close(self._handle)
        return self._code

    async def wait(self) -> int:
        """Wait for its end."""
        while (code := self.returncode) is None:
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            handle = os.dup(self._handle)  # others may wait, too, and whoever sees the end first closes theirs
            loop.add_reader(handle, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(handle)
                os.close(handle)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        if self.returncode is None:
            os.kill(self.pid, number)


def forked(module: str, arguments: Sequence[str], env: Mapping[str, str], log_file: Path) -> Forked:
    """Start a process of the module's nursery."""
    if module not in _nurseries:
        _nurseries[module] = Nursery(module)
    nursery = _nurseries[module]
    return Forked(nursery, nursery.ask(arguments=list(arguments), env=dict(env), log=str(log_file)))


def _serve(module: str) -> None:
    """Fork and reap as asked, until nobody asks any more."""
    importlib.import_module(f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module)
    asking = socket.socket(fileno=os.dup(0))
    while question := asking.recv(_MESSAGE_MAX):
        asked = json.loads(question)
        if "reap" in asked:
            asking.sendall(str(_reaped(asked["reap"])).encode())
        elif (pid := os.fork()) == 0:
            asking.close()
            _begin(module, asked)
        else:
            asking.sendall(str(pid).encode())


def _reaped(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _begin(module: str, asked: Mapping[str, Any]) -> None:
    """Become the module's process."""
    _die_with_parent()
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(asked["env"])
    arm(os.environ.get("FA_FAIL", ""))  # as its import would have
    sys.argv = [module, *asked["arguments"]]
    sys.modules.pop(f"{module}.__main__", None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    raise SystemExit(0)


def _die_with_parent() -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    _serve(sys.argv[1])
