"""The whole system as processes of its own, on the test's topics and database, each to be stopped, killed and started."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg

from deploy.local.ports import free_port
from schemas.topics import EXECUTORS, REMOTE_EXECUTORS
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess
from tests.support.workspace import Workspace, workspace

SELF_CONTAINED: Final = tuple(name for name in EXECUTORS if name not in REMOTE_EXECUTORS)
"""Executors whose effects need nothing outside the system."""
ONE_FOR_ALL: Final = {"executors": EXECUTORS}
TOKEN_KEYS: Final = f"k1:{'t' * 32}"
_TIMEOUT_S: Final = 30.0


class Deployment:
    """Relay, ingest, console, evaluator and executors. `processes` are by those names."""

    def __init__(self, processes: Mapping[str, ServiceProcess], work: Workspace, database_url: str) -> None:
        self.processes, self.workspace, self.database_url = processes, work, database_url

    async def stop(self, name: str) -> None:
        """End one with SIGTERM."""
        await self.processes[name].stop()

    async def start(self, name: str) -> None:
        """Start one again and wait until it is ready."""
        await self.processes[name].start()

    async def kill(self, name: str) -> None:
        """End one with SIGKILL."""
        await self.processes[name].kill()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """Connect as another writer than ours does."""
        connection = await asyncpg.connect(self.database_url, timeout=_TIMEOUT_S, command_timeout=60.0)
        try:
            yield connection
        finally:
            await connection.close(timeout=_TIMEOUT_S)

    async def until(self, condition: Callable[[], Awaitable[bool]], deadline_s: float = _TIMEOUT_S) -> None:
        """Wait for a condition."""
        await eventually(condition, deadline_s)


@asynccontextmanager
async def deployed(
    stack_env: Mapping[str, str],
    folder: Path,
    *,
    evaluators: Collection[str] = ("evaluator",),
    executors: Mapping[str, Collection[str]] = ONE_FOR_ALL,
) -> AsyncIterator[Deployment]:
    """Run every service and yield them with a client that may do everything.

    `evaluators` are processes that share the partitions; `executors` says which process carries out what.
    """
    key = await add_key(stack_env["FA_POSTGRES__URL"])
    ports = {"FA_INGEST__PORT": str(free_port()), "FA_CONSOLE__PORT": str(free_port())}
    ingest, console = (f"http://127.0.0.1:{port}" for port in ports.values())
    env = {
        "FA_TOKENS__KEYS": TOKEN_KEYS,
        "FA_CONSOLE__PUBLIC_URL": ingest,
        "FA_MAIL__PUBLIC_URL": ingest,
        "FA_INGEST__WRITING_BEHIND__WAIT_S": "20",  # on a busy machine too, a click's uid is told
        "FA_EVALUATOR__CHECKPOINT_INTERVAL_MS": "100",
        **stack_env,
        **ports,
    }

    def service(name: str, *arguments: str, member: str | None = None) -> ServiceProcess:
        own = {**env, "FA_KAFKA__MEMBER_ID": member} if member else env
        return ServiceProcess(f"services.{name}", *arguments, env=own, folder=folder)

    processes = {
        "relay": service("relay"),
        "console": service("console"),
        "ingest": service("ingest"),
        **{name: service("evaluator", member=name) for name in evaluators},
        **{name: service("executors", *names) for name, names in executors.items()},
    }
    async with AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as group:
            for process in processes.values():
                group.create_task(stack.enter_async_context(process))
        work = await stack.enter_async_context(workspace(ingest, console, key))
        try:
            yield Deployment(processes, work, stack_env["FA_POSTGRES__URL"])
        finally:
            async with asyncio.TaskGroup() as group:
                for process in processes.values():
                    group.create_task(process.stop())


async def add_key(database_url: str) -> str:
    """Add an API key that may do everything and return it."""
    key = f"fak_{secrets.token_urlsafe(32)}"
    connection = await asyncpg.connect(database_url, timeout=_TIMEOUT_S)
    try:
        await connection.execute(
            "INSERT INTO api_keys (id, name, hash, scopes, sources, may_create)"
            " VALUES ('test', 'test', $1, '{events,admin}', '{*}', true)",
            hashlib.sha256(key.encode()).digest(),
        )
    finally:
        await connection.close(timeout=_TIMEOUT_S)
    return key
