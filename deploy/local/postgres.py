"""A real PostgreSQL on this machine, as root and as a user, reached over TCP with a password of its own."""

import asyncio
import os
import pwd
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from deploy.errors import DeployError
from deploy.local import postgres_programs
from deploy.local.child import ChildSpec, leashed
from deploy.local.postgres_programs import PostgresPrograms
from deploy.local.settings import HOST

ROLE: Final = "finish"
DATABASE: Final = "finish"

_INITDB_TIMEOUT_S: Final = 60.0
_PROBE_TIMEOUT_S: Final = 3.0
_UNPRIVILEGED: Final = "nobody"
_SETTINGS: Final = {  # wal_level stays `replica`: with `minimal` a sequence goes back after a kill (18.6), onto used ids
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "max_wal_senders": "0",
    "autovacuum_naptime": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",  # statements carry values
}
_NOT_DURABLE: Final = {"fsync": "off", "full_page_writes": "off"}
"""Commits still reach the kernel before they are answered: a killed server has lost nothing."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """Where the database keeps its data, and how to run it."""

    folder: Path
    port: int
    programs: PostgresPrograms
    durable: bool

    @property
    def url(self) -> str:
        """Return the URL of the stack's database, after `prepare`."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the URL of a database of this server, after `prepare`."""
        return f"postgresql://{ROLE}:{self._password.read_text()}@{HOST}:{self.port}/{database}"

    def spec(self, log_file: Path) -> ChildSpec:
        """Return the child to run, after `prepare`."""
        values = _SETTINGS | {"port": str(self.port)} | ({} if self.durable else _NOT_DURABLE)
        options = (part for name, value in values.items() for part in ("-c", f"{name}={value}"))
        return ChildSpec(
            name="postgres",
            argv=(self.programs.postgres, "-D", str(self._data), *options),
            log_file=log_file,
            ready=lambda: answers(self.url_of("postgres")),
            stop_signal=signal.SIGINT,  # its fast shutdown: clients are cut off, a checkpoint is written
            death_signal=signal.SIGQUIT,  # its immediate shutdown: no process is left, the next start recovers
            user_id=_other_user(),
        )

    async def prepare(self) -> None:
        """Make the data folder when there is none, and clear what a killed server left. Raises DeployError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._password.exists():
            self._password.touch(mode=0o600)
            self._password.write_text(secrets.token_urlsafe(24))
        if (self._data / "PG_VERSION").exists():
            _forget_dead_server(self._data)
        else:
            await self._initdb()

    async def create_database(self) -> None:
        """Create the stack's database when it is missing; the server must be running."""
        connection = await asyncpg.connect(self.url_of("postgres"), timeout=_PROBE_TIMEOUT_S)
        try:
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close(timeout=_PROBE_TIMEOUT_S)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _password(self) -> Path:
        return self.folder / "password"

    async def _initdb(self) -> None:
        user = _other_user()
        self._data.mkdir(mode=0o700, exist_ok=True)
        if user is not None:
            os.chown(self._data, user, -1)
        argv = leashed(
            self.programs.initdb,
            f"--pgdata={self._data}",
            f"--username={ROLE}",
            f"--pwfile={self._password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
            user_id=user,
        )
        process = await asyncio.create_subprocess_exec(
            *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), _INITDB_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            raise DeployError("initdb did not end in time") from None
        if process.returncode != 0:
            raise DeployError(f"PostgreSQL could not make its data folder: {_reason(output.decode(errors='replace'))}")


def server(folder: Path, port: int, *, durable: bool) -> PostgresServer:
    """Find the programs and return the server; the folder is absolute. Raises DeployError."""
    return PostgresServer(folder, port, postgres_programs.find(folder / "data"), durable)


async def answers(url: str) -> str | None:
    """Probe: None when the database takes a statement."""
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            connection = await asyncpg.connect(url, timeout=_PROBE_TIMEOUT_S)
            try:
                await connection.execute("SELECT 1")
            finally:
                await connection.close(timeout=_PROBE_TIMEOUT_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as exc:
        return str(exc) or type(exc).__name__
    return None


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line or "FATAL:" in line or "No space left" in line]
    return (telling or lines or ["no reason given"])[0].removeprefix("initdb: ")


def _other_user() -> int | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_UNPRIVILEGED).pw_uid
    except KeyError:
        raise DeployError(
            f"PostgreSQL does not run as root, and there is no user {_UNPRIVILEGED} to run it: "
            "start as another user, or name a database in DATABASE_URL"
        ) from None


def _forget_dead_server(data: Path) -> None:
    """Remove a pid file whose pid now belongs to another program, as after a restart of the machine or container."""
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        command = psutil.Process(pid).cmdline()
    except (OSError, ValueError, psutil.Error):
        return
    if str(data) not in command:
        pid_file.unlink()
