"""A real broker and a real database for tests, on free ports, in a folder of their own, not forced to disk."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.local import class_cache, kafka, postgres
from deploy.local.child import Child
from deploy.local.kafka import KafkaServer
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
async def running_kafka(folder: Path, ways: Mapping[str, tuple[int, int]] | None = None) -> AsyncIterator[RunningKafka]:
    """Run a broker without topics; `ways` are more listeners, see `KafkaServer`."""
    settings = LocalSettings()
    server = replace(await kafka.server(settings, folder / "kafka", free_port()), ways=ways or {})
    server = await class_cache.warmed(server, settings.cache_dir)
    await server.prepare()
    async with _running(Child(server.spec(folder / "kafka.log"))) as child:
        yield RunningKafka(child, server)


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
