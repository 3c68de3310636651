"""Migrations: dbmate's files, applied once each, in order, all or nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.errors import DeployError
from deploy.migrate import migrate, read
from tests.support.databases import fresh_database


@pytest.fixture
async def empty_database_url(database_server: str) -> AsyncIterator[str]:
    async with fresh_database(database_server, "template0") as url:
        yield url


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        return {row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    finally:
        await connection.close()


def test_only_the_block_that_goes_forward_is_read(tmp_path: Path) -> None:
    write(tmp_path, "0001_one.sql", "-- migrate:up\nCREATE TABLE one ();\n-- migrate:down\nDROP TABLE one;\n")
    assert [migration.sql.strip() for migration in read(tmp_path)] == ["CREATE TABLE one ();"]


def test_versions_are_ordered_as_numbers(tmp_path: Path) -> None:
    for name in ("10_ten.sql", "9_nine.sql"):
        write(tmp_path, name, "-- migrate:up\n")
    assert [migration.name for migration in read(tmp_path)] == ["9_nine", "10_ten"]


@pytest.mark.parametrize(("name", "text"), [("first.sql", "-- migrate:up\n"), ("0001_one.sql", "CREATE TABLE one ();")])
def test_a_file_that_is_no_migration_is_refused_by_name(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, name, text)
    with pytest.raises(DeployError, match=f"^{name} is no migration"):
        read(tmp_path)


def test_two_migrations_with_one_version_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "0001_one.sql", "-- migrate:up\n")
    write(tmp_path, "1_other.sql", "-- migrate:up\n")
    with pytest.raises(DeployError, match="the same version"):
        read(tmp_path)


async def test_a_migration_that_fails_leaves_nothing_and_the_ones_before_it_stay(
    tmp_path: Path, empty_database_url: str
) -> None:
    write(tmp_path, "0001_one.sql", "-- migrate:up\nCREATE TABLE one ();\n")
    write(tmp_path, "0002_two.sql", "-- migrate:up\nCREATE TABLE two (); SELECT 1 / 0;\n")
    with pytest.raises(DeployError, match="migration 0002_two failed and was rolled back: division by zero"):
        await migrate(empty_database_url, tmp_path)
    assert await tables(empty_database_url) == {"schema_migrations", "one"}


async def test_a_migration_may_run_without_a_transaction(tmp_path: Path, empty_database_url: str) -> None:
    write(tmp_path, "0001_one.sql", "-- migrate:up\nCREATE TABLE one (id integer);\n")
    write(tmp_path, "0002_two.sql", "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY one_id ON one (id);\n")
    assert await migrate(empty_database_url, tmp_path) == ("0001_one", "0002_two")


async def test_processes_that_migrate_at_the_same_time_apply_each_file_once(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database_url) for _ in range(4)))
    assert sorted(name for names in applied for name in names) == [migration.name for migration in read()]


async def test_a_database_that_is_newer_than_the_code_is_refused(tmp_path: Path, database_url: str) -> None:
    with pytest.raises(DeployError, match="the database is newer than this code"):
        await migrate(database_url, tmp_path)
