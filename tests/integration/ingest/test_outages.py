"""The broker or the database away, ingest killed or stopped: what was answered 2xx is there, and the rest is said at once."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from schemas import topics
from services.chassis.settings import Kafka
from tests.integration.ingest.conftest import Door, add_keys, asset, event, opened, publish
from tests.support.eventually import eventually
from tests.support.servers import RunningKafka, RunningPostgres


async def test_while_the_broker_is_away_posts_are_503_at_once_or_soon_and_go_on_when_it_is_back(
    own_kafka: RunningKafka, own_settings: Kafka, database_url: str, tmp_path: Path
) -> None:
    await add_keys(database_url)
    async with opened(own_settings, database_url, tmp_path) as door:
        before = event()
        assert (await door.post(before)).status == 202
        await own_kafka.child.kill()
        during = event()
        refused = await door.post(during)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert "broker" not in str(refused.body)
        await eventually(door.process.not_ready, 10.0)
        asked_at = time.monotonic()
        assert (await door.post(event())).status == 503
        assert time.monotonic() - asked_at < 3.0
        assert (await door.post(event(subject="unknown"))).status == 503
        await own_kafka.child.start()
        await own_kafka.child.wait_ready()

        async def accepted() -> bool:
            return (await door.post(during)).status == 202

        await eventually(accepted, 30.0)
        uids = [document["id"] for _, document in await door.logged()]
        assert {before["id"], during["id"]} <= set(uids)
        await door.process.wait_ready()


async def test_while_the_database_is_away_events_by_id_are_accepted_and_those_by_address_are_503(
    own_postgres: RunningPostgres, own_database: str, kafka_settings: Kafka, tmp_path: Path
) -> None:
    await publish(kafka_settings, topics.DEFINITIONS, asset("link", "redirect_link"))
    async with opened(kafka_settings, own_database, tmp_path, FA_INGEST__KEYS__REFRESH_S="0.2") as door:
        by_address = event(prospectid=None, data={"email": "ada@example.com"})
        assert (await door.post(event())).status == 202
        await own_postgres.child.kill()
        for _ in range(5):
            assert (await door.post(event())).status == 202
        assert (await door.post(by_address)).status == 503
        unknown_key = await door.post(event(), Authorization="Bearer fak_unknown")
        assert unknown_key.status == 503
        await own_postgres.restart()

        async def accepted() -> bool:
            return (await door.post(by_address)).status == 202

        await eventually(accepted, 20.0)
        assert len(await door.logged()) == 6


@pytest.mark.parametrize(("failpoint", "at_least"), [("ingest.before-publish", 0), ("ingest.after-ack", 1)])
async def test_killed_before_its_answer_a_repeat_of_the_event_is_the_same_interaction(
    door: Door, tmp_path: Path, failpoint: str, at_least: int
) -> None:
    doomed = opened(door.settings, door.database_url, tmp_path, FA_FAIL=f"{failpoint}:1:kill")
    posted = event()
    async with doomed as dying:
        with pytest.raises(aiohttp.ClientConnectionError):
            await dying.post(posted)
        assert await dying.process.wait() == -9
    assert len(await door.logged()) == at_least
    assert (await door.post(posted)).status == 202
    uids = {document["uid"] for _, document in await door.logged()}
    assert len(uids) == 1


async def test_killed_under_load_every_event_answered_202_is_in_the_log(door: Door) -> None:
    answered: set[str] = set()

    async def client() -> None:
        while True:
            posted = [event(), event()]
            try:
                answer = await door.post(posted)
            except aiohttp.ClientError:
                return
            assert answer.status == 202
            answered.update(each["uid"] for each in answer.body["accepted"])

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(client())
        await eventually(lambda: len(answered) > 300, 20.0)
        await door.process.kill()
    assert answered <= {document["uid"] for _, document in await door.logged()}


async def test_told_to_stop_it_answers_what_it_has_in_hand(door: Door) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(door.post(event())) for _ in range(50)]
        await eventually(lambda: any(task.done() for task in tasks))
        await door.process.stop()
    assert {task.result().status for task in tasks} == {202}
    assert door.process.exit_code == 0
