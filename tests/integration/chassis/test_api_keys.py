import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
from pydantic import SecretStr

from services.chassis import postgres
from services.chassis.api_keys import ApiKeyCache, ApiKeys, key_hash, new_key
from services.chassis.clock import SystemClock
from services.chassis.errors import RetryableError
from services.chassis.postgres import Pool
from services.chassis.problems import Problem
from services.chassis.settings import Postgres
from tests.support.eventually import eventually

CACHE = ApiKeyCache(refresh_s=0.1, retry_s=0.05)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with postgres.pool(Postgres(url=SecretStr(database_url)), application_name="test") as opened:
        yield opened


@pytest.fixture
def keys(pool: Pool) -> ApiKeys:
    return ApiKeys(pool, SystemClock(), CACHE)


async def given_key(pool: Pool, scopes: tuple[str, ...] = ("events",), sources: tuple[str, ...] = ("shop",)) -> str:
    key = new_key()
    await pool.execute(
        "INSERT INTO api_keys (id, name, hash, scopes, sources) VALUES ($1, 'test', $2, $3, $4)",
        key[-12:],
        key_hash(key),
        list(scopes),
        list(sources),
    )
    return key


async def status(keys: ApiKeys, authorization: str | None) -> int:
    try:
        await keys.verify(authorization, "events")
    except Problem as problem:
        return problem.status
    return 200


async def test_a_key_opens_what_its_scopes_name(keys: ApiKeys, pool: Pool) -> None:
    key = await given_key(pool, scopes=("events",))
    assert (await keys.verify(f"Bearer {key}", "events")).name == "test"
    with pytest.raises(Problem, match="403 wrong-scope"):
        await keys.verify(f"bearer {key}", "admin")


async def test_a_key_sends_as_its_own_sources_only(keys: ApiKeys, pool: Pool) -> None:
    bound = await keys.verify(f"Bearer {await given_key(pool)}", "events")
    assert (bound.may_send_as("shop"), bound.may_send_as("other")) == (True, False)
    anyone = await keys.verify(f"Bearer {await given_key(pool, sources=('*',))}", "events")
    assert anyone.may_send_as("other")
    nobody = await keys.verify(f"Bearer {await given_key(pool, sources=())}", "events")
    assert not nobody.may_send_as("shop")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic fak_x", "Bearer other", "Bearer fak_" + "x" * 500, "Bearer fak_\u00e9"],
)
async def test_no_key_or_no_shape_of_one_is_a_401_without_a_look_at_the_database(
    keys: ApiKeys, pool: Pool, authorization: str | None
) -> None:
    await pool.close()
    assert await status(keys, authorization) == 401


async def test_an_unknown_key_is_a_401(keys: ApiKeys, pool: Pool) -> None:
    await given_key(pool)
    assert await status(keys, f"Bearer {new_key()}") == 401


async def test_a_key_made_a_moment_ago_opens_at_once(keys: ApiKeys, pool: Pool) -> None:
    assert await status(keys, f"Bearer {await given_key(pool)}") == 200
    assert await status(keys, f"Bearer {await given_key(pool)}") == 200


async def test_a_revoked_key_opens_no_more_after_the_refresh_time(keys: ApiKeys, pool: Pool) -> None:
    key = await given_key(pool)
    assert await status(keys, f"Bearer {key}") == 200
    await pool.execute("UPDATE api_keys SET revoked_at = now()")

    async def refused() -> bool:
        return await status(keys, f"Bearer {key}") == 401

    assert await eventually(refused)


async def test_many_unknown_keys_ask_the_database_no_more_often_than_one(
    keys: ApiKeys, pool: Pool, database_url: str
) -> None:
    started = time.monotonic()
    answers = await asyncio.gather(*(status(keys, f"Bearer {new_key()}") for _ in range(200)))
    assert set(answers) == {401}
    assert time.monotonic() - started < 1


async def test_while_the_database_is_away_known_keys_hold_and_unknown_ones_are_not_judged(
    keys: ApiKeys, pool: Pool
) -> None:
    key = await given_key(pool)
    assert await status(keys, f"Bearer {key}") == 200
    pool.terminate()
    with pytest.raises(RetryableError):
        await status(keys, f"Bearer {new_key()}")
    assert await status(keys, f"Bearer {key}") == 200


async def test_a_key_is_never_kept_itself(pool: Pool) -> None:
    key = await given_key(pool)
    row: asyncpg.Record | None = await pool.fetchrow("SELECT * FROM api_keys")
    assert row is not None
    assert key not in str(dict(row))


async def test_a_rotated_key_has_two_secrets_until_the_older_one_is_taken_away(keys: ApiKeys, pool: Pool) -> None:
    older, newer = await given_key(pool), new_key()
    await pool.execute(
        "UPDATE api_keys SET previous_hash = hash, hash = $2 WHERE id = $1", older[-12:], key_hash(newer)
    )
    found = [await keys.verify(f"Bearer {key}", "events") for key in (older, newer)]
    assert [each.id for each in found] == [older[-12:]] * 2
    await pool.execute("UPDATE api_keys SET previous_hash = NULL")

    async def taken_away() -> bool:
        return [await status(keys, f"Bearer {key}") for key in (older, newer)] == [401, 200]

    await eventually(taken_away, 5)


async def test_a_key_has_its_rate_and_others_are_not_kept_waiting(keys: ApiKeys, pool: Pool) -> None:
    limited, other = await given_key(pool), await given_key(pool)
    await pool.execute("UPDATE api_keys SET rate_per_s = 3 WHERE id = $1", limited[-12:])
    answered = [await status(keys, f"Bearer {limited}") for _ in range(6)]
    assert answered[:3] == [200] * 3
    assert 429 in answered[3:]
    assert [await status(keys, f"Bearer {other}") for _ in range(6)] == [200] * 6
    with pytest.raises(Problem) as refused:
        for _ in range(9):
            await keys.verify(f"Bearer {limited}", "events")
    assert refused.value.headers == {"Retry-After": "1"}

    async def again() -> bool:
        return await status(keys, f"Bearer {limited}") == 200

    await eventually(again, 5)
