"""A real broker and a real database for tests, on free ports, in a folder of their own, not forced to disk."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.local import class_cache, kafka, postgres
from deploy.local.child import Child
from deploy.local.kafka import Cluster, KafkaServer
from deploy.local.ports import free_port
from deploy.local.postgres import PostgresServer
from deploy.local.settings import LocalSettings


@dataclass(frozen=True, slots=True)
class RunningKafka:
    """A broker and its process, which a test may kill, start again (`start`, `wait_ready`) and suspend."""

    child: Child
    server: KafkaServer

    @property
    def bootstrap(self) -> str:
        """Return the address for clients, the same in every run."""
        return self.server.bootstrap


@dataclass(frozen=True, slots=True)
class RunningPostgres:
    """A database server and its process, which a test may kill, start again and suspend."""

    child: Child
    server: PostgresServer

    def url_of(self, database: str) -> str:
        """Return the URL of one database, the same in every run."""
        return self.server.url_of(database)

    async def restart(self) -> None:
        """Start it again after a kill, on its data."""
        await self.server.prepare()
        await self.child.start()
        await self.child.wait_ready()


@asynccontextmanager
async def running_kafka(folder: Path) -> AsyncIterator[RunningKafka]:
    """Run a broker without topics."""
    async with running_brokers(folder, [{}]) as (broker,):
        yield broker


@asynccontextmanager
async def running_brokers(
    folder: Path, ways: Sequence[Mapping[str, tuple[int, int]]]
) -> AsyncIterator[Sequence[RunningKafka]]:
    """Run a cluster without topics, of one broker for each of `ways`: its further listeners, see `KafkaServer`."""
    settings = LocalSettings()
    plain = await class_cache.warmed(await kafka.server(settings, folder / "kafka", free_port()), settings.cache_dir)
    cluster = Cluster({node: free_port() for node, _ in enumerate(ways, 1)}) if len(ways) > 1 else None
    servers = [
        replace(plain, folder=folder / f"kafka-{node}", port=free_port(), ways=own, node=node, cluster=cluster)
        for node, own in enumerate(ways, 1)
    ]
    for server in servers:
        await server.prepare()
    children = [Child(server.spec(folder / f"kafka-{server.node}.log")) for server in servers]
    async with AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(stack.enter_async_context(_running(child)))
        yield [RunningKafka(child, server) for child, server in zip(children, servers, strict=True)]


@asynccontextmanager
async def running_postgres(folder: Path) -> AsyncIterator[RunningPostgres]:
    """Run a server whose databases are still to be made; `postgres` is the one to connect to for that."""
    server = postgres.server(folder / "postgres", free_port(), durable=False)
    await server.prepare()
    async with _running(Child(server.spec(folder / "postgres.log"))) as child:
        yield RunningPostgres(child, server)


@asynccontextmanager
async def _running(child: Child) -> AsyncIterator[Child]:
    await child.start()
    try:
        await child.wait_ready()
        yield child
    finally:
        await child.stop()
