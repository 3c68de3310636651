"""The first API key of a deployment: with it the API makes all others. It is printed this once; only its hash is kept.

    python -m deploy.admin_key

Run again it makes a new one, which locks nobody out: `DELETE /api/keys/{id}` ends one that is lost.
"""

import secrets
import sys
from typing import Final

import asyncpg

from deploy.errors import DeployError, run_or_explain
from services.chassis.api_keys import ANY_SOURCE, key_hash, new_key
from services.chassis.settings import ServiceSettings, load

_TIMEOUT_S: Final = 10.0
_INSERT: Final = """
    INSERT INTO api_keys (id, name, hash, scopes, sources, may_create)
    VALUES ($1, 'Administrator', $2, '{events,admin}', $3, true)
"""


async def make(url: str) -> str:
    """Make a key that may do everything, and return it. Raises DeployError."""
    key = new_key()
    try:
        connection = await asyncpg.connect(url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
        try:
            await connection.execute(_INSERT, f"admin-{secrets.token_hex(4)}", key_hash(key), [ANY_SOURCE])
        finally:
            await connection.close(timeout=_TIMEOUT_S)
    except asyncpg.UndefinedTableError as exc:
        raise DeployError("the database has no schema yet: run the role migrate first") from exc
    except (OSError, TimeoutError, asyncpg.PostgresError) as exc:
        raise DeployError(f"the database does not answer: {str(exc) or type(exc).__name__}") from exc
    return key


async def _main() -> None:
    print(await make(load(ServiceSettings).postgres.url.get_secret_value()))


if __name__ == "__main__":
    sys.exit(run_or_explain(_main()))
