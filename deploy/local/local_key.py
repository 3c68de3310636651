"""The secrets of a local stack, drawn at its first start: the local key, an API key that may do everything and send as any
source, and the key under which links are issued."""

import hashlib
import secrets
from pathlib import Path
from typing import Final

import asyncpg

from services.chassis.api_keys import ANY_SOURCE, PREFIX

_TIMEOUT_S: Final = 10.0
_INSERT: Final = """
    INSERT INTO api_keys (id, name, hash, scopes, sources, may_create)
    VALUES ('local', 'Local stack', $1, '{events,admin}', $2, true)
    ON CONFLICT (id) DO UPDATE SET hash = EXCLUDED.hash, revoked_at = NULL
"""


def read_or_make(file: Path) -> str:
    """Return this folder's key, made at the first start."""
    return _kept(file, PREFIX)


def token_keys(file: Path) -> str:
    """Return this folder's keys of tokens, in the form of `FA_TOKENS__KEYS`: links of earlier runs stay valid."""
    return _kept(file, "local:")


def _kept(file: Path, prefix: str) -> str:
    if not file.exists() or not file.stat().st_size:
        file.touch(mode=0o600)
        file.write_text(prefix + secrets.token_urlsafe(32))
    return file.read_text()


async def register(database_url: str, key: str) -> None:
    """Make the key valid in this database."""
    connection = await asyncpg.connect(database_url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
    try:
        await connection.execute(_INSERT, hashlib.sha256(key.encode()).digest(), [ANY_SOURCE])
    finally:
        await connection.close(timeout=_TIMEOUT_S)
