"""The first key of a deployment."""

import asyncpg
import pytest

from deploy.admin_key import make
from deploy.errors import DeployError
from services.chassis.api_keys import key_hash
from tests.support.databases import with_database


async def test_the_first_key_may_do_everything_and_only_its_hash_is_kept(database_url: str) -> None:
    keys = [await make(database_url), await make(database_url)]
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT hash, scopes, sources, may_create, revoked_at FROM api_keys")
    finally:
        await connection.close()
    everything = (["events", "admin"], ["*"], True, None)
    assert {row["hash"]: tuple(row)[1:] for row in rows} == {key_hash(key): everything for key in keys}


async def test_a_database_without_a_schema_or_without_an_answer_is_named_as_such(database_server: str) -> None:
    with pytest.raises(DeployError, match="run the role migrate first"):
        await make(with_database(database_server, "postgres"))
    with pytest.raises(DeployError, match="does not answer"):
        await make("postgresql://finish@127.0.0.1:1/finish")
