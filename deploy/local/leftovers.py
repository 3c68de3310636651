"""Whose stack this folder is: one supervisor at a time, and nothing left running of one that was killed.

Every child is written down when it starts, with its start time, so that a pid that went to another program since is
left alone. The list is read once, by the next start.
"""

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from deploy.errors import DeployError

_TERM_TIMEOUT_S: Final = 10.0
_KILL_TIMEOUT_S: Final = 5.0
_START_TOLERANCE_S: Final = 1.0


@contextmanager
def sole_owner(folder: Path) -> Iterator[None]:
    """Hold the folder. Raises DeployError when another supervisor runs a stack in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "owner.pid").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise DeployError(
                f"a stack runs in {folder} already (process {file.read().strip() or 'unknown'}): stop it with Ctrl-C, "
                "or give this one a folder and ports of its own (FA_LOCAL__DIR, FA_LOCAL__*_PORT)"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


class ProcessList:
    """The children that run now, kept in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._running: dict[str, dict[str, float]] = {}

    def add(self, name: str, pid: int, stop_signal: signal.Signals) -> None:
        """Write a started child down."""
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(pid).create_time()
            self._running[name] = {"pid": pid, "started": started, "stop_signal": int(stop_signal)}
            self._write()

    def remove(self, name: str) -> None:
        """Strike out a child that has ended."""
        if self._running.pop(name, None) is not None:
            self._write()

    def reap(self) -> tuple[str, ...]:
        """End what a killed supervisor left running, with all descendants, and return the names."""
        try:
            entries = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return ()
        left = {name: process for name, entry in entries.items() if (process := _same_process(entry)) is not None}
        processes = [p for process in left.values() for p in (process, *_descendants(process))]
        for name, process in left.items():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(int(entries[name]["stop_signal"]))
                process.resume()
        _, alive = psutil.wait_procs(processes, timeout=_TERM_TIMEOUT_S)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=_KILL_TIMEOUT_S)
        self._file.unlink(missing_ok=True)
        return tuple(left)

    def _write(self) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(self._running))
        draft.replace(self._file)


def _same_process(entry: dict[str, float]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(entry["pid"]))
        same = abs(process.create_time() - entry["started"]) < _START_TOLERANCE_S
    except (psutil.NoSuchProcess, KeyError):
        return None
    return process if same and process.status() != psutil.STATUS_ZOMBIE else None


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
