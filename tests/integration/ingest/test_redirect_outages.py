"""Links while the broker or the database is away: they lead on, and the clicks are in the log, in the outbox, or counted."""

from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any, Final

import aiohttp
import asyncpg
import orjson
import pytest

from services.chassis.settings import Kafka
from tests.integration.ingest.conftest import (
    PROSPECT,
    Door,
    Followed,
    opened,
    token,
)
from tests.support.eventually import eventually
from tests.support.servers import RunningKafka, RunningPostgres
from tests.support.service_process import ServiceProcess

WAIT_S: Final = "0.05"
OTHER: Final = "22222222-2222-4333-8444-555555555555"


async def waiting(database: asyncpg.Connection, prospect: str = PROSPECT) -> list[dict[str, Any]]:
    rows = await database.fetch(
        "SELECT payload::text AS payload FROM outbox WHERE aggregateid = $1 ORDER BY seq", prospect
    )
    return [orjson.loads(row["payload"]) for row in rows]


def led_on(answer: Followed) -> bool:
    return (answer.status, answer.location) == (302, "https://example.com/link")


async def test_while_the_broker_hangs_links_lead_on_and_clicks_reach_the_log_once_and_in_order_by_the_outbox(
    own_kafka: RunningKafka,
    own_settings: Kafka,
    database_url: str,
    database: asyncpg.Connection,
    tmp_path: Path,
) -> None:
    small = opened(
        own_settings,
        database_url,
        tmp_path,
        FA_INGEST__WRITING_BEHIND__INTERACTIONS_MAX="1",
        FA_INGEST__WRITING_BEHIND__WAIT_S=WAIT_S,
    )
    async with (
        opened(own_settings, database_url, tmp_path, FA_INGEST__WRITING_BEHIND__WAIT_S=WAIT_S) as door,
        small as narrow,
    ):
        own_kafka.child.send(SIGSTOP)
        answers = [await door.follow(token()) for _ in range(3)]
        assert all(map(led_on, answers))
        assert {answer.uid for answer in answers} == {None}

        async def all_behind() -> bool:
            return len(await waiting(database)) == 3

        await eventually(all_behind, 30.0)
        # The broker is known to hang: this one goes to the outbox at once, behind the others.
        assert led_on(await door.follow(token()))
        # One is under way, a second one is too many: it is served all the same.
        assert led_on(await narrow.follow(token(prospect=OTHER)))
        assert led_on(await narrow.follow(token(prospect=OTHER)))
        metrics = await narrow.process.metrics()
        assert metrics["finish_ingest_dropped_total"] == 1
        assert metrics['finish_ingest_redirects_total{outcome="dropped"}'] == 1
        # Told to stop, each ends what is under way.
        await narrow.process.stop()
        assert narrow.process.exit_code == 0
        assert len(await waiting(database, OTHER)) == 1
        await door.process.stop()
        assert door.process.exit_code == 0
        rows = await waiting(database)
        own_kafka.child.send(SIGCONT)
        relay_env = {"FA_KAFKA__BOOTSTRAP": own_settings.bootstrap, "FA_POSTGRES__URL": database_url}
        async with ServiceProcess("services.relay", env=relay_env, folder=tmp_path):
            await eventually(lambda: database.fetchval("SELECT count(*) = 0 FROM outbox"), 60.0)
        logged = [document for key, document in await door.logged() if key == PROSPECT]
    assert len(rows) == 4
    assert list(dict.fromkeys(document["uid"] for document in logged)) == [row["uid"] for row in rows]
    for row in rows:
        assert row in logged


async def test_while_the_broker_is_away_from_the_start_the_database_tells_where_to_and_without_both_it_is_503(
    own_kafka: RunningKafka, own_settings: Kafka, own_postgres: RunningPostgres, own_database: str, tmp_path: Path
) -> None:
    await own_kafka.child.kill()
    database = await asyncpg.connect(own_database, timeout=10)
    await database.execute("""
        INSERT INTO assets (id, kind, name, status, settings) VALUES
            ('link', 'redirect_link', 'L', 'active', '{"target_url": "https://example.com/link"}'),
            ('gone', 'redirect_link', 'G', 'deleted', '{"target_url": "https://example.com/gone"}');
        INSERT INTO action_lists (asset_id, version, document) VALUES ('link', 1, '{}'), ('link', 2, '{}');
        DELETE FROM outbox
    """)
    cold = opened(own_settings, own_database, tmp_path, wait_ready=False, FA_INGEST__PUBLISHING__ACK_TIMEOUT_S="0.2")
    async with cold as door:

        async def listening() -> bool:
            try:
                return (await door.follow("nothing")).status == 404
            except aiohttp.ClientConnectionError:
                return False

        await eventually(listening, 30.0)
        answer = await door.follow(token())
        assert led_on(answer)
        (stamped,) = await database.fetch(
            "SELECT payload->>'uid' AS uid, payload->>'actionlistversion' AS v FROM outbox"
        )
        assert (stamped["uid"], stamped["v"]) == (answer.uid, "2")
        assert [(await door.follow(token(each))).status for each in ("gone", "unknown")] == [410, 404]
        await database.close(timeout=10)
        await own_postgres.child.kill()
        lost = await door.follow(token())
        assert (lost.status, lost.headers["Retry-After"], lost.headers["Cache-Control"]) == (503, "1", "no-store")
        assert (await door.follow("nothing")).status == 404


async def test_with_the_database_away_clicks_are_in_the_log_and_with_both_away_they_are_counted(
    own_kafka: RunningKafka, own_settings: Kafka, own_postgres: RunningPostgres, own_database: str, tmp_path: Path
) -> None:
    async with opened(own_settings, own_database, tmp_path, FA_INGEST__PUBLISHING__ACK_TIMEOUT_S="0.5") as door:
        await own_postgres.child.kill()
        kept = await door.follow(token())
        assert led_on(kept)
        assert [document["uid"] for _, document in await door.logged()] == [kept.uid]
        await own_kafka.child.kill()
        lost = [await door.follow(token(prospect=prospect)) for prospect in (PROSPECT, PROSPECT, OTHER)]
        assert all(map(led_on, lost))
        assert {answer.uid for answer in lost} == {None}
        metrics = await door.process.metrics()
        assert metrics["finish_ingest_dropped_total"] == 3
        assert metrics["finish_ingest_written_behind"] == 0
        assert '"event":"interactions_dropped"' in door.process.log
        assert PROSPECT not in door.process.log


async def test_killed_right_after_it_said_durable_the_click_is_in_the_log(door: Door) -> None:
    answer = await door.follow(token())
    await door.process.kill()
    assert answer.uid is not None
    assert [document["uid"] for _, document in await door.logged()] == [answer.uid]


@pytest.mark.parametrize(
    ("failpoint", "rows"),
    [("ingest.before-outbox", 0), ("ingest.after-outbox", 1)],
)
async def test_killed_around_the_outbox_the_click_is_there_once_or_was_never_said_to_be(
    database: asyncpg.Connection, door: Door, tmp_path: Path, failpoint: str, rows: int
) -> None:
    """The log refuses by never acknowledging in time."""
    doomed = opened(
        door.settings,
        door.database_url,
        tmp_path,
        FA_FAIL=f"{failpoint}:1:kill",
        FA_INGEST__PUBLISHING__ACK_TIMEOUT_S="0.000001",
        FA_INGEST__WRITING_BEHIND__WAIT_S=WAIT_S,
    )
    async with doomed as dying:
        with suppress(aiohttp.ClientConnectionError):  # it died before the 50 ms were over
            assert (await dying.follow(token())).uid is None
        assert await dying.process.wait() == -9
    assert len(await waiting(database)) == rows
