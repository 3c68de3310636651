"""A real broker and a real database for one run, and in them a fresh place for each measurement."""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson

from deploy import topics
from deploy.local.child import leashed
from deploy.topics import Topics
from services.chassis.settings import Kafka
from tests.support.databases import fresh_database, migrated_template
from tests.support.servers import running_kafka, running_postgres
from tests.support.service_process import ServiceProcess

PARTITIONS: Final = 8
_STOP_S: Final = 10.0
_LINE_MAX_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class Place:
    """Topics under a prefix of their own and a migrated database, used by one measurement and gone after it."""

    kafka: Kafka
    database_url: str
    folder: Path

    def service(self, name: str, *arguments: str, **settings: str) -> ServiceProcess:
        """Return one of our services, to be started; `settings` are its `FA_*`. Its log tells warnings only."""
        env = {
            "FA_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "FA_KAFKA__TOPIC_PREFIX": self.kafka.topic_prefix,
            "FA_POSTGRES__URL": self.database_url,
            **settings,
        }
        return ServiceProcess(f"services.{name}", *arguments, env=env, folder=self.folder)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection]:
        """Connect to the database."""
        connection = await asyncpg.connect(self.database_url, timeout=30, command_timeout=600)
        try:
            yield connection
        finally:
            await connection.close(timeout=30)


@dataclass(frozen=True)
class Stage:
    """The servers of a run."""

    bootstrap: str
    server_url: str
    template: str
    folder: Path

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Make topics and a database, and take them away afterwards."""
        kafka = Kafka(bootstrap=self.bootstrap, topic_prefix=f"b{uuid.uuid4().hex[:10]}.")
        await topics.apply(kafka, Topics(keyed_partitions=PARTITIONS, replicas=1))
        try:
            async with fresh_database(self.server_url, self.template) as url:
                yield Place(kafka, url, self.folder)
        finally:
            await topics.remove(kafka)


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """Start what the environment does not name."""
    async with AsyncExitStack() as stack:
        bootstrap = os.environ.get("FA_KAFKA__BOOTSTRAP")
        if not bootstrap:
            bootstrap = (await stack.enter_async_context(running_kafka(folder))).bootstrap
        url = os.environ.get("FA_POSTGRES__URL") or os.environ.get("DATABASE_URL")
        if not url:
            url = (await stack.enter_async_context(running_postgres(folder))).url_of("postgres")
        template = await stack.enter_async_context(migrated_template(url))
        yield Stage(bootstrap, url, template, folder)


class Program:
    """A process that reads its task, says when it is ready, works, and may end with one line of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.hello: Any = None
        """What it said when it was ready."""

    @property
    def pid(self) -> int:
        """Return its pid."""
        return self._process.pid

    async def tell(self, task: Mapping[str, Any]) -> None:
        """Write one line of JSON to it."""
        if self._process.stdin is not None:
            self._process.stdin.write(orjson.dumps(task) + b"\n")
            await self._process.stdin.drain()

    async def line(self) -> Any:
        """Return the next line that it prints, as JSON. Raises EOFError when it ended instead."""
        if self._process.stdout is None or not (line := await self._process.stdout.readline()):
            raise EOFError(f"the program ended with {await self._process.wait()}")
        return orjson.loads(line)


@asynccontextmanager
async def program(module: str, task: Mapping[str, Any]) -> AsyncIterator[Program]:
    """Run `python -m <module>`, tell it its task, and wait until it says that it is ready. Stopped at the end."""
    process = await asyncio.create_subprocess_exec(
        *leashed(sys.executable, "-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_MAX_BYTES,
    )
    running = Program(process)
    try:
        await running.tell(task)
        running.hello = await running.line()
        yield running
    finally:
        await stop(process)


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a process, by force when it does not end in time."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
