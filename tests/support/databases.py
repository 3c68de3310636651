"""A fresh, migrated database per test: a copy of a template that was migrated once."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.migrate import migrate

_TIMEOUT_S: Final = 30.0


@asynccontextmanager
async def migrated_template(server_url: str) -> AsyncIterator[str]:
    """Make and migrate a database to copy from, and yield its name."""
    async with _temporary(server_url, f"template_{uuid.uuid4().hex[:12]}", like=None) as name:
        await migrate(with_database(server_url, name))
        yield name


@asynccontextmanager
async def fresh_database(server_url: str, template: str) -> AsyncIterator[str]:
    """Copy the template and yield the copy's URL; dropped at the end, whoever is still connected."""
    async with _temporary(server_url, f"test_{uuid.uuid4().hex[:12]}", like=template) as name:
        yield with_database(server_url, name)


def with_database(url: str, name: str) -> str:
    """Return the URL with another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@asynccontextmanager
async def _temporary(server_url: str, name: str, *, like: str | None) -> AsyncIterator[str]:
    await _execute(server_url, f"CREATE DATABASE {name}" + (f" TEMPLATE {like}" if like else ""))
    try:
        yield name
    finally:
        await _execute(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
    try:
        await connection.execute(statement)
    finally:
        await connection.close(timeout=_TIMEOUT_S)
