"""One process of the local stack: started on a leash with its own log file, asked whether it is ready, stopped.

Knows nothing of the other processes and restarts nothing; that is the supervisor's.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from deploy.errors import DeployError

Probe = Callable[[], Awaitable[str | None]]
"""Returns None when ready, else the reason in a few words. Raises nothing; bounded in time by itself."""

ROOT: Final = Path(__file__).parents[2]
"""The checkout: where every child runs."""

_LEASH: Final = Path(__file__).with_name("leash.py")
_POLL_S: Final = 0.1
_TAIL_BYTES: Final = 64 * 1024
_LOG_MAX_BYTES: Final = 32 * 1024 * 1024


def leashed(*argv: str, death_signal: signal.Signals = signal.SIGKILL, user_id: int | None = None) -> tuple[str, ...]:
    """Return the arguments that start this program so that it cannot outlive this process."""
    user = "-" if user_id is None else str(user_id)
    return (sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), str(int(death_signal)), user, *argv)


async def always_ready() -> str | None:
    """Probe for a child that needs none."""
    return None


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run, how to see that it is ready, and how to end it."""

    name: str
    argv: tuple[str, ...]
    log_file: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """Beside the environment of this process, or all of it with `whole_env`."""
    whole_env: bool = False
    ready: Probe = always_ready
    after: tuple[str, ...] = ()
    """Names of the children that must be ready before this one starts."""
    note: str = ""
    """Shown when it is ready, say where it listens."""
    ready_timeout_s: float = 120.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 25.0
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends it when this process ends without having stopped it."""
    user_id: int | None = None
    """The user to become when this process is root and the program must not be."""


class Child:
    """One run after another of the same program; at most one at a time."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Return the pid of the current or last run."""
        return self._run().pid

    @property
    def exit_code(self) -> int | None:
        """Return None while it runs, else its exit code; negative: the signal that killed it."""
        return self._run().returncode

    @property
    def started(self) -> bool:
        """Tell whether there was a run at all."""
        return self._process is not None

    @property
    def running(self) -> bool:
        """Tell whether a run is going on, ready or not."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start a run; its output is appended to the log file. Returns before it is ready."""
        spec = self.spec
        spec.log_file.parent.mkdir(parents=True, exist_ok=True)
        if spec.log_file.exists() and spec.log_file.stat().st_size > _LOG_MAX_BYTES:
            spec.log_file.replace(spec.log_file.with_suffix(".old.log"))
        with spec.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *leashed(*spec.argv, death_signal=spec.death_signal, user_id=spec.user_id),
                cwd=ROOT,
                env=dict(spec.env) if spec.whole_env else {**os.environ, **spec.env},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C at the terminal goes to the supervisor alone
            )

    async def wait_ready(self) -> None:
        """Wait until the probe says ready. Raises DeployError when it exits before, or needs too long."""
        reason: str | None = "no answer yet"
        try:
            async with asyncio.timeout(self.spec.ready_timeout_s):
                while reason is not None:
                    if not self.running:
                        raise DeployError(f"{self.spec.name} ended with {self.exit_text()}.{self.log_tail()}")
                    reason = await self.spec.ready()
                    if reason is not None:
                        await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise DeployError(
                f"{self.spec.name} was not ready within {self.spec.ready_timeout_s:.0f} s: {reason}.{self.log_tail()}"
            ) from None

    async def wait(self) -> int:
        """Wait for the end of the run and return the exit code."""
        return await self._run().wait()

    async def stop(self) -> None:
        """Ask it to stop, wait, kill what does not; then clear away what it started and left."""
        if self.running:
            self.send(self.spec.stop_signal)
            self.send(signal.SIGCONT)
            try:
                async with asyncio.timeout(self.spec.stop_timeout_s):
                    await self.wait()
            except TimeoutError:
                await self.kill()
        self._clear_group()

    async def kill(self) -> None:
        """End it and all that it started with SIGKILL, and wait until it is gone."""
        with suppress(psutil.NoSuchProcess):
            for descendant in psutil.Process(self.pid).children(recursive=True) if self.running else ():
                with suppress(psutil.NoSuchProcess):
                    descendant.kill()
        self.send(signal.SIGKILL)
        await self.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the current run, if there is one: SIGSTOP and SIGCONT to suspend it."""
        if self.running:
            self._run().send_signal(number)

    def exit_text(self) -> str:
        """Say how the last run ended."""
        code = self.exit_code
        if code is not None and code < 0:
            return f"signal {signal.Signals(-code).name}"
        return f"exit code {code}"

    def log_tail(self, lines: int = 12) -> str:
        """Return the last lines of the log, each on a line of its own, for the reader of an error."""
        log = self.spec.log_file
        if not log.exists():
            return ""
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            tail = file.read().decode(errors="replace").splitlines()[-lines:]
        return f" Its log, {log}, ends:\n" + "\n".join(f"  | {line[:300]}" for line in tail)

    def _clear_group(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):  # nothing is left
                os.killpg(self._process.pid, signal.SIGKILL)

    def _run(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.spec.name} was never started")
        return self._process
