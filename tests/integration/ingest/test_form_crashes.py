"""Forms with the broker or the database away, and ingest killed between any two steps of a submission."""

from pathlib import Path

import aiohttp
import asyncpg

from deploy.local.ports import free_port
from services.chassis.settings import Kafka
from tests.integration.ingest.conftest import Door, opened
from tests.integration.ingest.form_door import make_forms, outbox, submit
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess

NOTHING, ALL = 0, 1
FAILPOINTS = {
    "ingest.before-form": NOTHING,
    "ingest.after-count": NOTHING,
    "ingest.after-upsert": NOTHING,
    "ingest.before-commit": NOTHING,
    "ingest.after-commit": ALL,
}


async def test_killed_between_any_two_steps_record_interaction_and_count_exist_all_or_none(
    kafka_settings: Kafka, database_url: str, database: asyncpg.Connection, tmp_path: Path
) -> None:
    await make_forms(database)
    async with opened(kafka_settings, database_url, tmp_path) as healthy:
        for number, (failpoint, kept) in enumerate(FAILPOINTS.items()):
            mail = f"ada-{number}@example.com"
            await database.execute("INSERT INTO prospects (id, email) VALUES (gen_random_uuid(), $1)", mail)
            await database.execute("DELETE FROM outbox")
            async with opened(kafka_settings, database_url, tmp_path, FA_FAIL=f"{failpoint}:1:kill") as dying:
                try:
                    await submit(dying, "contact", {"mail": mail, "firm": "Alder"})
                except aiohttp.ClientConnectionError:
                    assert await dying.process.wait() == -9
                else:
                    raise AssertionError(f"{failpoint} was not passed")
            assert [kind for kind, _ in await outbox(database)] == ["snapshot", "interaction"] * kept, failpoint
            record = await database.fetchrow("SELECT version, fields FROM prospects WHERE email = $1", mail)
            assert record is not None
            assert tuple(record) == ((2, {"company": "Alder"}) if kept else (1, {})), failpoint
            counted = await database.fetch("SELECT times_ms FROM spam_windows WHERE user_key = $1", mail)
            assert [len(row["times_ms"]) for row in counted] == [1] * kept, failpoint
            later = [(await submit(healthy, "contact", {"mail": mail})).status for _ in range(5)]
            assert later == [200] * (4 - kept) + [500] * (1 + kept), failpoint


async def test_with_the_broker_away_also_to_a_process_that_never_saw_it_forms_are_accepted(
    database_url: str, database: asyncpg.Connection, tmp_path: Path
) -> None:
    await make_forms(database)
    port = free_port()
    process = ServiceProcess(
        "services.ingest",
        env={
            "FA_KAFKA__BOOTSTRAP": f"127.0.0.1:{free_port()}",
            "FA_POSTGRES__URL": database_url,
            "FA_INGEST__PORT": str(port),
        },
        folder=tmp_path,
    )
    await process.start(wait_ready=False)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
            door = Door(f"http://127.0.0.1:{port}", process, session, Kafka(), database_url)

            async def accepted() -> bool:
                try:
                    return (await submit(door, "contact", {"mail": "ada@example.com", "firm": "Alder"})).status == 200
                except aiohttp.ClientConnectionError:
                    return False

            await eventually(accepted, 30.0)
            assert await process.not_ready() is not None
    finally:
        await process.stop()
    (_, snapshot), (_, interaction) = await outbox(database)
    assert snapshot["prospectid"] == interaction["prospectid"]
    assert (interaction["actionlistversion"], interaction["prospectlistversion"]) == (2, 1)


async def test_with_the_database_away_the_browser_is_told_to_try_again(kafka_settings: Kafka, tmp_path: Path) -> None:
    nowhere = f"postgresql://finish@127.0.0.1:{free_port()}/finish"
    async with opened(kafka_settings, nowhere, tmp_path) as door:
        shown = await submit(door, "contact", {"mail": "ada@example.com"})
        assert (shown.status, shown.headers["Retry-After"]) == (503, "1")
        metrics = await door.process.metrics()
        assert metrics['finish_ingest_refused_total{reason="unavailable"}'] == 1
