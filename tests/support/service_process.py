"""One of our services as a process of its own, to be used, killed, suspended and started again by a test."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

import aiohttp

from deploy.errors import DeployError
from deploy.local.child import Child, ChildSpec
from deploy.local.ports import free_port
from deploy.local.readiness import http_ready
from deploy.local.settings import HOST
from tests.support.nursery import FORKS, forked

_LOG_LINES_SHOWN: Final = 60
_HTTP_TIMEOUT: Final = aiohttp.ClientTimeout(total=5.0)


class _Forked(Child):
    """A child that need not import what others have imported before it."""

    async def start(self) -> None:
        """Start a run."""
        spec = self.spec
        spec.log_file.parent.mkdir(parents=True, exist_ok=True)
        _, _, module, *arguments = spec.argv
        self._process = cast("asyncio.subprocess.Process", forked(module, arguments, spec.env, spec.log_file))


class ServiceProcess:
    """`python -m <module> <argument>...` with its ops server on a free port, ready when the context is entered.

    The environment is this process's without `FA_*` and `DATABASE_URL`, plus `env`. One that is armed to be killed may be
    gone before anybody sees that it is ready. The end of its log is printed when the test fails inside the context.
    """

    def __init__(
        self, module: str, *arguments: str, env: Mapping[str, str], folder: Path, ready_timeout_s: float = 90.0
    ) -> None:
        self.ops_port = free_port()
        self._armed = "FA_FAIL" in env
        self.log_file = folder / f"{'-'.join((module, *arguments))}-{self.ops_port}.log"
        self._spec = ChildSpec(
            name=module,
            argv=(sys.executable, "-m", module, *arguments),
            log_file=self.log_file,
            env=_cleared() | {"FA_OPS__HOST": HOST, "FA_OPS__PORT": str(self.ops_port), **env},
            whole_env=True,
            ready=self.not_ready,
            ready_timeout_s=ready_timeout_s,
        )
        self._child = (_Forked if FORKS else Child)(self._spec)

    async def __aenter__(self) -> Self:
        """Start it and wait until it is ready."""
        try:
            await self.start()
        except BaseException as exc:
            if isinstance(exc, DeployError) and self._armed and not self.running:
                return self
            await self._child.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, killed or suspended as it may be."""
        await self._child.stop()
        if exc is not None:
            sys.stderr.write(self._child.log_tail(_LOG_LINES_SHOWN))

    @property
    def ops_url(self) -> str:
        """Return the address of `/livez`, `/readyz` and `/metrics`."""
        return f"http://{HOST}:{self.ops_port}"

    @property
    def pid(self) -> int:
        """Return the pid of the current or last run."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Tell whether the process is there, suspended or not."""
        return self._child.running

    @property
    def exit_code(self) -> int | None:
        """Return the exit code of the last run, negative for a signal; None while it runs."""
        return self._child.exit_code

    @property
    def log(self) -> str:
        """Return all that it has written, over all runs."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    async def start(self, *, wait_ready: bool = True, fail: str = "") -> None:
        """Start it, again after a kill or stop, with the same environment and port; `fail` arms failpoints in this run."""
        armed = {"FA_FAIL": fail} if fail else {}
        self._child.spec = replace(self._spec, env={**self._spec.env, **armed})
        await self._child.start()
        if wait_ready:
            await self._child.wait_ready()

    async def wait_ready(self) -> None:
        """Wait until `/readyz` says yes."""
        await self._child.wait_ready()

    async def not_ready(self) -> str | None:
        """Return why it is not ready, or None."""
        return await http_ready(self.ops_url)

    async def wait(self) -> int:
        """Wait until it ends by itself and return the exit code."""
        return await self._child.wait()

    async def stop(self) -> None:
        """End it with SIGTERM, in its own time."""
        await self._child.stop()

    async def kill(self) -> None:
        """End it with SIGKILL, at once."""
        await self._child.kill()

    async def restart(self) -> None:
        """Kill it and start it again."""
        await self.kill()
        await self.start()

    def suspend(self) -> None:
        """Hold it with SIGSTOP: as good as a machine that hangs."""
        self._child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._child.send(signal.SIGCONT)

    async def metrics(self) -> dict[str, float]:
        """Return the samples of `/metrics` by their full name with labels, as they are printed."""
        async with aiohttp.ClientSession(timeout=_HTTP_TIMEOUT) as session, session.get(f"{self.ops_url}/metrics") as r:
            lines = (await r.text()).splitlines()
        samples = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}


def _cleared() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FA_") and name != "DATABASE_URL"}
