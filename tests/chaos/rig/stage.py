"""The whole system for the rig: broker, database, every service, sinks, and a link of its own on every way between two of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy import topics
from deploy.local.ports import free_port
from deploy.topics import Topics
from schemas.topics import OUTSIDE_EXECUTORS, RECORD_EXECUTORS
from services.chassis.settings import Kafka
from tests.chaos.rig import proxy
from tests.chaos.rig.proxy import HOST, Link
from tests.chaos.rig.reader import Reader, reading
from tests.chaos.rig.sinks import Sinks, sinks
from tests.support.databases import migrated_template, with_database
from tests.support.deployment import TOKEN_KEYS, add_key
from tests.support.keeper import Keeper, kept
from tests.support.servers import RunningKafka, RunningPostgres, running_brokers, running_postgres
from tests.support.service_process import ServiceProcess
from tests.support.workspace import Workspace, workspace

PARTITIONS: Final = 4
_RECORDS: Final = ("executors", *RECORD_EXECUTORS)
_DELIVERIES: Final = ("executors", *OUTSIDE_EXECUTORS)
_DOORS: Final = {"relay": ("relay",), "console": ("console",), "ingest": ("ingest",)}
_EVALUATORS: Final = {"evaluator-1": ("evaluator",), "evaluator-2": ("evaluator",)}


@dataclass(frozen=True, slots=True)
class Size:
    """How many brokers, and processes by name: the module under `services`, and its arguments."""

    brokers: int
    services: Mapping[str, tuple[str, ...]]


SMALL: Final = Size(1, {**_DOORS, **_EVALUATORS, "records": _RECORDS, "deliveries": _DELIVERIES})
LARGE: Final = Size(
    3,
    {
        **_DOORS,
        **_EVALUATORS,
        "records-1": _RECORDS,
        "records-2": _RECORDS,
        "deliveries-1": _DELIVERIES,
        "deliveries-2": _DELIVERIES,
    },
)
"""Three brokers, each record on all and acknowledged by two; two processes of every executor."""
_SETTINGS: Final = {
    "FA_TOKENS__KEYS": TOKEN_KEYS,
    "FA_KAFKA__SESSION_TIMEOUT_MS": "6000",
    "FA_EVALUATOR__CHECKPOINT_INTERVAL_MS": "100",
    "FA_EXECUTORS__REMOTE__WEBHOOK_STEPS_S": "[0.5,1,1,2,2,4,4,8,8,8,8,8]",
    "FA_EXECUTORS__REMOTE__MAIL_RETRY_MAX_S": "2",
    "FA_EXECUTORS__REMOTE__BREAKER_OPEN_S": "1",
    "FA_EXECUTORS__REMOTE__LEASE_MARGIN_S": "2",
    "FA_EXECUTORS__REMOTE__SWEEP_S": "1",
    "FA_EXECUTORS__REMOTE__RATE_PER_S": "1000",
    "FA_EXECUTORS__REMOTE__LAMBDA_RETRY_MAX_S": "2",
    "FA_LAMBDA__REGION": "eu-west-1",
    "FA_LAMBDA__TIMEOUT_S": "2",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "FA_WEBHOOK__TOTAL_TIMEOUT_S": "2",
    "FA_MAIL__TIMEOUT_S": "4",
}
"""What would take minutes in production takes seconds."""


@dataclass
class Stage:
    """What a run acts on. `database_url` and `kafka` are past the links."""

    brokers: Sequence[RunningKafka]
    database: RunningPostgres
    database_url: str
    kafka: Kafka
    sinks: Sinks
    links: Mapping[str, Link]
    processes: Mapping[str, ServiceProcess]
    keeper: Keeper
    reader: Reader
    work: Workspace
    folder: Path
    poison: int = 0
    """Records that nobody can read were put into topics, so many in all."""

    def links_of(self, *ends: str) -> list[Link]:
        """Return the links that have one of these at an end."""
        return [link for name, link in self.links.items() if set(name.split(">")) & set(ends)]

    def processes_of(self, part: str) -> list[str]:
        """Return the names of the processes that share this part's work."""
        return [name for name in self.processes if part_of(name) == part]

    def clock_file(self, name: str) -> Path:
        """Return what moves the clock of a process."""
        return _clock_file(self.folder, name)

    async def versions(self) -> dict[str, str]:
        """Return the versions of the servers."""
        connection = await asyncpg.connect(self.database_url, timeout=10)
        try:
            told = str(await connection.fetchval("SHOW server_version"))
        finally:
            await connection.close(timeout=10)
        kafka = next(
            part
            for part in self.brokers[0].server.class_path.split(":")
            if "kafka_2" in part or "kafka-clients" in part
        )
        return {"PostgreSQL": told.split(maxsplit=1)[0], "Kafka": kafka.rpartition("-")[2].removesuffix(".jar")}

    def heal(self) -> None:
        """Make every way and everybody outside good again."""
        for link in self.links.values():
            link.heal()
        for sink in self.sinks.all:
            sink.mood = "well"
        for name in self.processes:
            self.clock_file(name).unlink(missing_ok=True)


@asynccontextmanager
async def staged(folder: Path, random: Random, size: Size = SMALL) -> AsyncIterator[Stage]:
    """Start everything, wait until it is ready, keep it running, and stop it in the end."""
    async with AsyncExitStack() as stack:
        ways = [{name: (free_port(), free_port()) for name in size.services} for _ in range(size.brokers)]
        brokers = await stack.enter_async_context(running_brokers(folder / "broker", ways))
        database = await stack.enter_async_context(running_postgres(folder / "database"))
        kafka = Kafka(bootstrap=",".join(broker.bootstrap for broker in brokers))
        await topics.apply(kafka, Topics(keyed_partitions=PARTITIONS, replicas=size.brokers))
        server = database.url_of("postgres")
        url = with_database(server, await stack.enter_async_context(migrated_template(server)))
        outside = await stack.enter_async_context(sinks())
        doors = {name: (free_port(), free_port()) for name in ("ingest", "console")}
        targets = {
            **{
                f"{name}>{broker}": (port, own)
                for broker, each in zip(broker_names(size.brokers), ways, strict=True)
                for name, (own, port) in each.items()
            },
            **{f"{name}>database": (free_port(), database.server.port) for name in size.services},
            **{f"client>{name}": (port, own) for name, (own, port) in doors.items()},
            "deliveries>web": (free_port(), outside.web.port),
            "deliveries>mail": (free_port(), outside.mail.port),
            "deliveries>functions": (free_port(), outside.functions.port),
        }
        links = {name: Link(name, port, target, random) for name, (port, target) in targets.items()}
        await stack.enter_async_context(proxy.opened(links))
        key = await add_key(url)
        client = {name: f"http://{HOST}:{links[f'client>{name}'].port}" for name in doors}
        env = _SETTINGS | {
            "FA_INGEST__PORT": str(doors["ingest"][0]),
            "FA_CONSOLE__PORT": str(doors["console"][0]),
            "FA_CONSOLE__PUBLIC_URL": client["ingest"],
            "FA_MAIL__PUBLIC_URL": client["ingest"],
            "FA_MAIL__PORT": str(links["deliveries>mail"].port),
            "FA_LAMBDA__ENDPOINT": f"http://{HOST}:{links['deliveries>functions'].port}",
            "FA_WEBHOOK__ALLOW": f"{HOST}:{links['deliveries>web'].port}",
        }
        processes = dict(_processes(size, env, links, url, folder))
        async with asyncio.TaskGroup() as group:
            for process in processes.values():
                group.create_task(stack.enter_async_context(process))
        work = await stack.enter_async_context(workspace(client["ingest"], client["console"], key))
        keeper = await stack.enter_async_context(kept(processes))
        reader = await stack.enter_async_context(reading(kafka, url))
        yield Stage(brokers, database, url, kafka, outside, links, processes, keeper, reader, work, folder)


def part_of(name: str) -> str:
    """Return the part whose work a process shares: `records` of `records-2`."""
    return name.partition("-")[0]


def broker_names(brokers: int) -> list[str]:
    """Return what the brokers are called in the names of links."""
    return ["broker"] if brokers == 1 else [f"broker-{node}" for node in range(1, brokers + 1)]


def _processes(
    size: Size, env: Mapping[str, str], links: Mapping[str, Link], url: str, folder: Path
) -> Iterator[tuple[str, ServiceProcess]]:
    for name, (module, *arguments) in size.services.items():
        own = {
            "FA_KAFKA__BOOTSTRAP": ",".join(
                f"{HOST}:{links[f'{name}>{broker}'].port}" for broker in broker_names(size.brokers)
            ),
            "FA_KAFKA__MEMBER_ID": name,
            "FA_POSTGRES__URL": _at_port(url, links[f"{name}>database"].port),
            "FA_CLOCK__FILE": str(_clock_file(folder, name)),
        }
        if module != "evaluator":
            del own["FA_KAFKA__MEMBER_ID"]
        yield name, ServiceProcess(f"services.{module}", *arguments, env={**env, **own}, folder=folder)


def _clock_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.clock"


def _at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    user, _, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}@{HOST}:{port}"))
