"""Bring a database to the newest schema: dbmate's file format and its `schema_migrations` table, on asyncpg.

Forward only, in the order of the version numbers, each file in a transaction of its own. Processes that start at the
same time wait for each other. The dbmate binary can be used on the same files and the same database instead.

    python -m deploy.migrate
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from deploy.errors import DeployError, run_or_explain
from services.chassis.postgres import VERSION_MIN
from services.chassis.settings import ServiceSettings, load

MIGRATIONS: Final = Path(__file__).with_name("migrations")

_LOCK: Final = 0x46494E495348  # "FINISH": one migration at a time per database
_CONNECT_TIMEOUT_S: Final = 10.0
_STATEMENT_TIMEOUT_S: Final = 600.0
_FILE_NAME: Final = re.compile(r"(?P<version>\d+)_\w+\.sql")
_BLOCK: Final = re.compile(r"^--\s*migrate:(?P<kind>up|down)(?P<options>.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its version, name and the SQL of its `-- migrate:up` block."""

    version: str
    name: str
    sql: str
    transactional: bool


def read(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """Read all migrations in the order of their versions. Raises DeployError for a name or text that is none."""
    migrations = [_parse(path) for path in folder.glob("*.sql")]
    migrations.sort(key=lambda migration: int(migration.version))
    versions = [int(migration.version) for migration in migrations]
    if len(set(versions)) != len(versions):
        raise DeployError(f"two migrations in {folder.name} have the same version")
    return tuple(migrations)


def _parse(path: Path) -> Migration:
    named = _FILE_NAME.fullmatch(path.name)
    text = path.read_text(encoding="utf-8")
    up = next((block for block in _BLOCK.finditer(text) if block["kind"] == "up"), None)
    if named is None or up is None:
        raise DeployError(
            f"{path.name} is no migration: it needs a name like 0001_what.sql and a `-- migrate:up` block"
        )
    after = next((block.start() for block in _BLOCK.finditer(text, up.end())), len(text))
    return Migration(named["version"], path.stem, text[up.end() : after], "transaction:false" not in up["options"])


async def migrate(url: str, folder: Path = MIGRATIONS) -> tuple[str, ...]:
    """Apply what is missing and return the names of what was applied, in order."""
    migrations = read(folder)
    try:
        connection = await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S, command_timeout=_STATEMENT_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError) as exc:
        raise DeployError(f"the database does not answer: {str(exc) or type(exc).__name__}") from exc
    try:
        return await _apply(connection, migrations)
    finally:
        await connection.close(timeout=_CONNECT_TIMEOUT_S)


async def _apply(connection: asyncpg.Connection, migrations: tuple[Migration, ...]) -> tuple[str, ...]:
    found = connection.get_server_version()
    if found.major < VERSION_MIN:
        raise DeployError(f"the database is PostgreSQL {found.major}; version {VERSION_MIN} or newer is needed")
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    await connection.execute("CREATE TABLE IF NOT EXISTS schema_migrations (version varchar(128) PRIMARY KEY)")
    applied = {row["version"] for row in await connection.fetch("SELECT version FROM schema_migrations")}
    unknown = applied - {migration.version for migration in migrations}
    if unknown:
        raise DeployError(f"the database is newer than this code: it has migration {max(unknown)}")
    pending = [migration for migration in migrations if migration.version not in applied]
    for migration in pending:
        await _apply_one(connection, migration)
    return tuple(migration.name for migration in pending)


async def _apply_one(connection: asyncpg.Connection, migration: Migration) -> None:
    record = "INSERT INTO schema_migrations (version) VALUES ($1)"
    try:
        if migration.transactional:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(record, migration.version)
        else:
            await connection.execute(migration.sql)
            await connection.execute(record, migration.version)
    except asyncpg.PostgresError as exc:
        raise DeployError(f"migration {migration.name} failed and was rolled back: {exc}") from exc


async def _main() -> None:
    for name in await migrate(load(ServiceSettings).postgres.url.get_secret_value()):
        print(f"applied {name}")


if __name__ == "__main__":
    sys.exit(run_or_explain(_main()))
