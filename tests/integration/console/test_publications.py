import asyncio

import asyncpg
import pytest

from services.chassis.problems import Problem
from services.console.settings import Console
from tests.integration.console.conftest import PATIENT_KEYS, Running
from tests.support.eventually import eventually
from tests.support.workspace import Refusal


@pytest.fixture
def settings() -> Console:
    return Console(port=0, publish_timeout_s=4.0, publish_poll_s=0.05, keys=PATIENT_KEYS)


async def test_a_save_is_answered_when_its_row_is_gone_and_not_before(unpublished: Running, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("DELETE FROM outbox")
    save = asyncio.ensure_future(unpublished.work.prospect(score=1))
    await eventually(lambda: unpublished.count("outbox"))
    assert not save.done()
    await connection.execute("DELETE FROM outbox; NOTIFY finish_published")
    assert await save
    await connection.close()


async def test_a_missed_notice_is_made_up_for_by_the_poll(unpublished: Running, database_url: str) -> None:
    save = asyncio.ensure_future(unpublished.work.prospect(score=1))
    await eventually(lambda: unpublished.count("outbox WHERE aggregatetype = 'interactions'"))
    await unpublished.rows("DELETE FROM outbox")
    assert await save


async def test_a_save_that_is_not_published_in_time_says_that_it_is_saved(unpublished: Running) -> None:
    with pytest.raises(Refusal) as refused:
        await unpublished.work.prospect(email="a@example.com")
    assert refused.value.status == 504
    assert refused.value.body["type"] == "/problems/not-published-yet"
    assert "saved" in refused.value.body["detail"]
    assert len(await unpublished.rows("SELECT FROM prospects")) == 1


async def test_the_watch_survives_the_loss_of_its_connections(unpublished: Running, database_url: str) -> None:
    await unpublished.rows("DELETE FROM outbox")
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await eventually(
        lambda: connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
    )
    save = asyncio.ensure_future(unpublished.work.prospect(score=1))
    await eventually(lambda: connection.fetchval("SELECT count(*) FROM outbox"))
    await connection.execute("DELETE FROM outbox; NOTIFY finish_published")
    assert await save
    await connection.close()


async def test_many_saves_wait_by_one_statement(unpublished: Running) -> None:
    seqs = [
        row["seq"]
        for row in await unpublished.rows(
            "INSERT INTO outbox (aggregatetype, aggregateid, type, payload)"
            " SELECT 'definitions', 'x', 'asset', '{}' FROM generate_series(1, 500) RETURNING seq"
        )
    ]
    waiting = [asyncio.ensure_future(unpublished.publications.wait([seq])) for seq in seqs]
    await unpublished.rows("DELETE FROM outbox WHERE seq <> $1", seqs[-1])
    await asyncio.gather(*waiting[:-1])
    assert not waiting[-1].done()
    with pytest.raises(Problem) as late:
        await waiting[-1]
    assert late.value.status == 504


async def test_a_repeated_change_is_answered_when_the_first_is_published(unpublished: Running) -> None:
    (row,) = await unpublished.rows("INSERT INTO prospects (id) VALUES (gen_random_uuid()) RETURNING id")
    repeat = asyncio.ensure_future(unpublished.work.api("PATCH", f"/prospects/{row['id']}", {"score": 0}))
    with pytest.raises(Refusal) as refused:
        await repeat
    assert refused.value.status == 504
    await unpublished.rows("DELETE FROM outbox")
    assert (await unpublished.work.api("PATCH", f"/prospects/{row['id']}", {"score": 0}))["version"] == 1


async def test_two_who_wait_for_the_same_row_are_both_answered(unpublished: Running) -> None:
    (row,) = await unpublished.rows("SELECT max(seq) AS seq FROM outbox")
    waiting = [asyncio.ensure_future(unpublished.publications.wait([row["seq"]])) for _ in range(2)]
    await asyncio.sleep(0)  # both have begun
    await unpublished.rows("DELETE FROM outbox")
    await asyncio.gather(*waiting)
