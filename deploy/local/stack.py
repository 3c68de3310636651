"""The local stack from nothing to ready, and back: broker and database, schema and topics, then the services.

The database and the broker come up side by side; a service starts when what it stands on is ready. `stack.json` is there
exactly while the stack is ready to be used.
"""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from deploy import migrate, topics
from deploy.errors import DeployError, refusal
from deploy.local import class_cache, kafka, local_key, postgres, services
from deploy.local.child import ChildSpec, Probe
from deploy.local.leftovers import ProcessList, sole_owner
from deploy.local.ports import claim
from deploy.local.readiness import http_ready
from deploy.local.services import Service
from deploy.local.settings import HOST, LocalSettings
from deploy.local.supervisor import Supervisor, Tell
from deploy.topics import TopicSettings
from services.chassis.settings import load

STACK_FILE: Final = "stack.json"
_HELLO: Final = '''"""Says in hello.log what happened."""


def handler(event, context):
    data = event["data"]
    print(data["interaction"].get("type"), data["prospect"]["id"], context.aws_request_id)
    return {"seen": True}
'''
_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the running stack is reached; the content of `stack.json`."""

    ingest: str
    console: str
    mail: str
    kafka: str
    postgres: str
    api_key: str
    pid: int
    ops: dict[str, str]
    """Where each service tells its health and metrics."""


@asynccontextmanager
async def running(
    settings: LocalSettings, tell: Tell, table: Sequence[Service] = services.SERVICES
) -> AsyncIterator[Stack]:
    """Start everything and yield when it is ready; stop everything in reverse at the end. Raises DeployError."""
    folder = _absolute(settings.dir)
    with sole_owner(folder):
        processes = ProcessList(folder / "processes.json")
        for name in await asyncio.to_thread(processes.reap):
            tell(name, "was left running by a stack that was killed: ended")
        _require_space(folder, settings.free_min_bytes)
        async with asyncio.TaskGroup() as keepers:
            supervisor = Supervisor(processes, tell, keepers)
            try:
                stack = await _start(settings, folder, supervisor, tell, table)
                _write(folder / STACK_FILE, stack)
                yield stack
            finally:
                (folder / STACK_FILE).unlink(missing_ok=True)
                await supervisor.stop()


async def _start(
    settings: LocalSettings, folder: Path, supervisor: Supervisor, tell: Tell, table: Sequence[Service]
) -> Stack:
    (folder / STACK_FILE).unlink(missing_ok=True)
    ingest = claim(settings.ingest_port, owner="ingest", setting="FA_LOCAL__INGEST_PORT")
    console = claim(settings.console_port, owner="console", setting="FA_LOCAL__CONSOLE_PORT")
    mail = claim(settings.mail_port, owner="the page of mails", setting="FA_LOCAL__MAIL_PORT")
    smtp = claim(settings.smtp_port, owner="the mail sink", setting="FA_LOCAL__SMTP_PORT")
    ops_ports = {
        service.name: claim(
            settings.ops_port and settings.ops_port + number,
            owner=f"the metrics of {service.name}",
            setting="FA_LOCAL__OPS_PORT",
        )
        for number, service in enumerate(table)
    }
    key = local_key.read_or_make(folder / "api_key")
    try:
        async with asyncio.TaskGroup() as group:
            database = group.create_task(_database(settings, folder, supervisor, tell, key))
            broker = group.create_task(_broker(settings, folder, supervisor, tell))
    except ExceptionGroup as failures:
        raise refusal(failures) from None
    stack = Stack(
        ingest=f"http://{HOST}:{ingest}",
        console=f"http://{HOST}:{console}",
        mail=f"http://{HOST}:{mail}",
        kafka=broker.result(),
        postgres=database.result(),
        api_key=key,
        pid=os.getpid(),
        ops={name: f"http://{HOST}:{port}" for name, port in ops_ports.items()},
    )
    env = {
        "FA_KAFKA__BOOTSTRAP": stack.kafka,
        "FA_POSTGRES__URL": stack.postgres,
        "FA_INGEST__PORT": str(ingest),
        "FA_CONSOLE__PORT": str(console),
        "FA_CONSOLE__PUBLIC_URL": stack.ingest,
        "FA_BLOBS__FOLDER": str(folder / "blobs"),
        "FA_TOKENS__KEYS": local_key.token_keys(folder / "token_keys"),
        "FA_MAIL__PORT": str(smtp),
        "FA_MAIL__PUBLIC_URL": stack.ingest,
        "FA_WEBHOOK__ALLOW": ",".join(filter(None, (os.environ.get("FA_WEBHOOK__ALLOW"), f"{HOST}:{mail}"))),
        "FA_LAMBDA__LOCAL_ENABLED": "true",
        "FA_LAMBDA__LOCAL_FOLDER": str(folder / "lambda"),
    }
    _example_function(folder / "lambda")
    await supervisor.start([_mail_sink(stack.mail, mail, smtp, folder, settings)])
    await supervisor.start(
        services.specs(
            table,
            env=env,
            ops_ports=ops_ports,
            notes={"ingest": f", {stack.ingest}", "console": f", {stack.console}"},
            logs=folder / "logs",
            ready_timeout_s=settings.start_timeout_s,
            stop_timeout_s=settings.stop_timeout_s,
        )
    )
    return stack


def _example_function(folder: Path) -> None:
    """Put a function there that says what it is given, unless somebody has put one."""
    folder.mkdir(exist_ok=True)
    if not (folder / "hello.py").exists():
        (folder / "hello.py").write_text(_HELLO)


def _mail_sink(url: str, http_port: int, smtp_port: int, folder: Path, settings: LocalSettings) -> ChildSpec:
    ports = ("--smtp-port", str(smtp_port), "--http-port", str(http_port))
    return ChildSpec(
        name="mail",
        argv=(sys.executable, "-m", "deploy.local.mail_sink", *ports),
        log_file=folder / "logs" / "mail.log",
        env={},
        ready=lambda: http_ready(url),
        note=f", {url}",
        ready_timeout_s=settings.start_timeout_s,
        stop_timeout_s=settings.stop_timeout_s,
    )


async def _database(settings: LocalSettings, folder: Path, supervisor: Supervisor, tell: Tell, key: str) -> str:
    if settings.postgres_url is not None:
        url = settings.postgres_url.get_secret_value()
        await _given("postgres", lambda: postgres.answers(url), settings.start_timeout_s)
        tell("postgres", "the given one answers")
    else:
        port = claim(settings.postgres_port, owner="postgres", setting="FA_LOCAL__POSTGRES_PORT")
        server = postgres.server(folder / "data" / "postgres", port, durable=settings.durable)
        await server.prepare()
        await supervisor.start([server.spec(folder / "logs" / "postgres.log")])
        await server.create_database()
        url = server.url
    applied = await migrate.migrate(url)
    await local_key.register(url, key)
    tell("schema", f"{len(applied)} migrations applied, up to date")
    return url


async def _broker(settings: LocalSettings, folder: Path, supervisor: Supervisor, tell: Tell) -> str:
    given = load(TopicSettings)
    if settings.kafka_bootstrap is not None:
        bootstrap = settings.kafka_bootstrap
        await _given("kafka", lambda: kafka.answers(given.kafka), settings.start_timeout_s)
        tell("kafka", f"the given one answers, {bootstrap}")
    else:
        port = claim(settings.kafka_port, owner="kafka", setting="FA_LOCAL__KAFKA_PORT")
        server = await kafka.server(settings, folder / "data" / "kafka", port)
        server = await class_cache.warmed(server, settings.cache_dir)
        await server.prepare()
        await supervisor.start([server.spec(folder / "logs" / "kafka.log")])
        bootstrap = server.bootstrap
    made = await topics.apply(given.kafka.model_copy(update={"bootstrap": bootstrap}), given.topics)
    tell("topics", f"{len(made)} made, all as declared")
    return bootstrap


async def _given(name: str, probe: Probe, timeout_s: float) -> None:
    reason: str | None = "no answer yet"
    try:
        async with asyncio.timeout(timeout_s):
            while (reason := await probe()) is not None:  # noqa: ASYNC110 - it can only be asked
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise DeployError(f"the given {name} does not answer within {timeout_s:.0f} s: {reason}") from None


def _require_space(folder: Path, free_min_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < free_min_bytes:
        raise DeployError(
            f"the disk is full: {free // 2**20} MiB are free in {folder}, {free_min_bytes // 2**20} MiB are needed "
            "(FA_LOCAL__FREE_MIN_MIB)"
        )


def _absolute(folder: Path) -> Path:
    return folder.absolute()


def _write(file: Path, stack: Stack) -> None:
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(stack), indent=2) + "\n")
    draft.replace(file)
