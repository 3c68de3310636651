"""History on the real broker and database: what it keeps of the log, in any order, with poison, through crashes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from deploy.migrate import migrate
from schemas.dead_letters import REPLAY_HEADER
from schemas.identity import position_id
from schemas.topics import DEAD_LETTERS, DECISIONS, INTERACTIONS
from services.chassis import postgres
from services.chassis.clock import SystemClock
from services.chassis.kafka import producer, running
from services.chassis.settings import Kafka
from services.console.history.consumer import HistoryConsumer
from services.console.settings import History
from services.console.transactions import Database
from tests.integration.console.conftest import patient
from tests.support.eventually import eventually
from tests.support.servers import RunningPostgres
from tests.support.service_process import ServiceProcess

AT = "2026-01-31T11:59:59.123456Z"


@pytest.fixture
def keyed_partitions() -> int:
    return 2


async def soon(condition: Callable[[], Awaitable[Any]]) -> None:
    await eventually(condition, 60.0)


class Log:
    """Writes to the topics as ingest, relay and evaluator do; acknowledged when a call returns."""

    def __init__(self, kafka: Kafka, sender: AIOKafkaProducer) -> None:
        self._kafka, self._sender = kafka, sender

    async def send(self, topic: str, value: Any, partition: int = 0, replay_of: UUID | None = None) -> int:
        raw = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
        headers = [] if replay_of is None else [(REPLAY_HEADER, str(replay_of).encode())]
        sent = await self._sender.send_and_wait(
            self._kafka.topic(topic), raw, key=b"key", partition=partition, headers=headers
        )
        return int(sent.offset)

    async def accepted(self, uid: str, **changes: Any) -> int:
        return await self.send(
            INTERACTIONS,
            {
                "specversion": "1.0",
                "dataschema": "urn:finish:interaction:1",
                "id": "1",
                "source": "shop",
                "type": "redirect_link.clicked",
                "subject": "pricing",
                "time": AT,
                "uid": uid,
                "prospectid": "anon:1",
                "actionlistversion": 1,
                "prospectlistversion": 0,
                "recordedtime": AT,
                "data": {},
                **changes,
            },
        )

    async def decided(self, uid: str, *, replay_of: UUID | None = None, **changes: Any) -> int:
        return await self.send(
            DECISIONS,
            {
                "schema": 1,
                "step_version": 1,
                "uid": uid,
                "prospect_id": "anon:1",
                "type": "redirect_link.clicked",
                "asset_id": "pricing",
                "version": 1,
                "id": "1",
                "source": "shop",
                "time": AT,
                "recordedtime": AT,
                "order": 7 << 14,
                **changes,
            },
            replay_of=replay_of,
        )


@pytest.fixture
async def log(kafka_settings: Kafka) -> AsyncIterator[Log]:
    async with running(producer(kafka_settings, client_id="test")) as sender:
        yield Log(kafka_settings, sender)


@asynccontextmanager
async def consuming(kafka: Kafka, database_url: str) -> AsyncIterator[None]:
    async with postgres.pool(patient(database_url), application_name="history") as pool:
        consumer = HistoryConsumer(kafka, History(backoff_max_s=0.5), Database(pool, SystemClock()))
        task = asyncio.create_task(consumer.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.fixture
async def rows(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_an_interaction_is_accepted_and_then_decided(
    log: Log, kafka_settings: Kafka, database_url: str, rows: asyncpg.Connection
) -> None:
    uid = str(uuid4())
    async with consuming(kafka_settings, database_url):
        offset = await log.accepted(uid)
        await soon(lambda: rows.fetchval("SELECT count(*) FROM decisions WHERE document IS NULL"))
        assert await rows.fetchval("SELECT position FROM decisions") == (offset << 14) + 1
        await log.decided(uid, fired=[0])
        await soon(lambda: rows.fetchval("SELECT count(*) FROM decisions WHERE document IS NOT NULL"))
    row = await rows.fetchrow("SELECT * FROM decisions")
    assert row is not None
    assert (str(row["uid"]), row["position"], row["asset_id"]) == (uid, 7 << 14, "pricing")
    assert orjson.loads(row["document"])["fired"] == [0]


async def test_a_decision_may_come_first_and_a_repeat_changes_nothing(
    log: Log, kafka_settings: Kafka, database_url: str, rows: asyncpg.Connection
) -> None:
    uid, other = str(uuid4()), str(uuid4())
    await log.decided(uid, fired=[1])
    await log.decided(uid, fired=[2])
    async with consuming(kafka_settings, database_url):
        await soon(lambda: rows.fetchval("SELECT count(*) FROM decisions"))
        await log.accepted(uid)
        await log.accepted(uid)
        await log.decided(uid, fired=[3])
        await log.decided(other)
        await log.accepted(other)
        await soon(lambda: rows.fetchval("SELECT count(*) = 2 FROM decisions"))
    document = await rows.fetchval("SELECT document FROM decisions WHERE uid = $1", uid)
    assert orjson.loads(document)["fired"] == [1]
    assert await rows.fetchval("SELECT count(*) FROM decisions WHERE document IS NULL") == 0


async def test_an_event_sent_again_once_it_is_no_repeat_any_more_takes_the_place_of_the_one_before(
    log: Log, kafka_settings: Kafka, database_url: str, rows: asyncpg.Connection
) -> None:
    uid, later = str(uuid4()), (datetime.fromisoformat(AT) + timedelta(days=7)).isoformat()
    fired = "SELECT document -> 'fired' FROM decisions WHERE uid = $1"
    async with consuming(kafka_settings, database_url):
        await log.accepted(uid)
        await log.decided(uid, fired=[1])
        await soon(lambda: rows.fetchval(fired, uid))
        await log.accepted(uid, recordedtime=later)
        await log.decided(uid, recordedtime=later, fired=[2])
        await log.decided(uid, fired=[1])
        await log.decided(uid, recordedtime=later, fired=[3])

        async def replaced() -> bool:
            return bool(await rows.fetchval(fired, uid) == "[2]")

        await soon(replaced)
        end = str(uuid4())
        await log.decided(end, fired=[9])
        await soon(lambda: rows.fetchval(fired, end))
        assert await replaced()


async def test_what_is_read_together_with_its_repeat_of_a_week_later_ends_as_that(
    log: Log, kafka_settings: Kafka, database_url: str, rows: asyncpg.Connection
) -> None:
    uid, later = str(uuid4()), (datetime.fromisoformat(AT) + timedelta(days=7)).isoformat()
    soon_after = (datetime.fromisoformat(AT) + timedelta(days=6)).isoformat()
    for recordedtime, fired in ((AT, [1]), (soon_after, [2]), (later, [3])):
        await log.accepted(uid, recordedtime=recordedtime)
        await log.decided(uid, recordedtime=recordedtime, fired=fired)
    end = str(uuid4())
    await log.decided(end)
    async with consuming(kafka_settings, database_url):
        await soon(lambda: rows.fetchval("SELECT document FROM decisions WHERE uid = $1", end))
    row = await rows.fetchrow("SELECT recordedtime, document -> 'fired' AS fired FROM decisions WHERE uid = $1", uid)
    assert row is not None
    assert (row["recordedtime"], row["fired"]) == (datetime.fromisoformat(later), "[3]")


async def test_poison_on_any_topic_is_a_dead_letter_and_stops_nothing(
    log: Log, kafka_settings: Kafka, database_url: str, rows: asyncpg.Connection
) -> None:
    uid, nul = str(uuid4()), str(uuid4())
    places: dict[UUID, str] = {}
    for topic in (INTERACTIONS, DECISIONS, DEAD_LETTERS):
        for value, reason in (
            (b"{", "malformed"),
            (None, "malformed"),
            (b"[1]", "malformed"),
            (b"\xff" * 2000, "malformed"),
        ):
            offset = await log.send(topic, value)
            places[UUID(position_id(topic, 0, offset))] = reason
    offset = await log.decided(nul, reads={"original.city": "a\0b"})
    places[UUID(position_id(DECISIONS, 0, offset))] = "permanent"
    offset = await log.decided(str(uuid4()), schema=2)
    places[UUID(position_id(DECISIONS, 0, offset))] = "unknown_schema"
    await log.accepted(uid)
    await log.decided(uid)
    async with consuming(kafka_settings, database_url):
        await soon(lambda: rows.fetchval("SELECT count(*) FROM decisions WHERE uid = $1 AND document IS NOT NULL", uid))
        await soon(lambda: rows.fetchval("SELECT count(*) = $1 FROM dead_letters", len(places)))
    stored = await rows.fetch("SELECT id, reason FROM dead_letters")
    assert {row["id"]: row["reason"] for row in stored} == places
    assert await rows.fetchval("SELECT count(*) FROM decisions") == 1


async def test_a_dead_letter_of_another_service_is_kept_with_its_bytes_once(
    log: Log, kafka_settings: Kafka, database_url: str, rows: asyncpg.Connection
) -> None:
    letter = {
        "schema": 1,
        "id": str(uuid4()),
        "reason": "unknown_prospect",
        "error": "no snapshot of this prospect is in the log",
        "topic": INTERACTIONS,
        "partition": 1,
        "offset": 5,
        "key": "a2V5",
        "value": "AAH/",
        "uid": str(uuid4()),
        "first_time": AT,
        "last_time": AT,
    }
    async with consuming(kafka_settings, database_url):
        await log.send(DEAD_LETTERS, letter)
        await log.send(DEAD_LETTERS, letter, partition=1)
        marker = str(uuid4())
        await log.decided(marker)
        await soon(lambda: rows.fetchval("SELECT count(*) FROM decisions"))
        await soon(lambda: rows.fetchval("SELECT count(*) FROM dead_letters"))
    (row,) = await rows.fetch("SELECT * FROM dead_letters")
    assert (row["key"], row["value"], str(row["uid"])) == (b"key", b"\x00\x01\xff", letter["uid"])


async def test_a_replay_that_fails_again_is_the_same_letter_and_one_that_is_settled_ends_it_for_good(
    log: Log, kafka_settings: Kafka, database_url: str, rows: asyncpg.Connection
) -> None:
    letter = {
        "schema": 1,
        "id": str(uuid4()),
        "reason": "backlog",
        "error": "too many",
        "topic": INTERACTIONS,
        "partition": 0,
        "offset": 100,
        "first_time": AT,
        "last_time": AT,
    }
    again = {**letter, "reason": "unknown_prospect", "offset": 105}
    settled = {"schema": 1, "record": "settled", "id": letter["id"]}
    seen = "SELECT reason, attempts, replayed_at IS NULL FROM dead_letters"
    async with consuming(kafka_settings, database_url):
        await log.send(DEAD_LETTERS, letter)
        await soon(lambda: rows.fetchval("SELECT count(*) FROM dead_letters"))
        await rows.execute("UPDATE dead_letters SET replayed_at = now()")
        await log.send(
            DEAD_LETTERS, letter
        )  # what an evaluator that begins anew tells again is no failure of the replay
        await log.send(DEAD_LETTERS, again)
        await log.send(DEAD_LETTERS, {**again, "offset": 106})  # published twice, it fails twice
        await soon(lambda: rows.fetchval("SELECT replayed_at IS NULL FROM dead_letters"))
        await log.decided(str(uuid4()))
        await soon(lambda: rows.fetchval("SELECT count(*) FROM decisions"))
        assert list(map(tuple, await rows.fetch(seen))) == [("unknown_prospect", 2, True)]
        await log.send(DEAD_LETTERS, settled)
        await soon(lambda: rows.fetchval("SELECT count(*) = 0 FROM dead_letters"))
        await log.send(DEAD_LETTERS, again)
        await log.send(DEAD_LETTERS, {**letter, "id": str(uuid4())})
        await soon(lambda: rows.fetchval("SELECT count(*) FROM dead_letters"))
    assert await rows.fetchval("SELECT id::text FROM dead_letters") != letter["id"]


async def test_what_only_history_reads_is_replayed_to_it(
    log: Log, kafka_settings: Kafka, database_url: str, rows: asyncpg.Connection
) -> None:
    uid = str(uuid4())
    poison, unstorable = (
        await log.send(DECISIONS, b"{"),
        await log.decided(str(uuid4()), reads={"original.city": "a\0b"}),
    )
    first, second = (UUID(position_id(DECISIONS, 0, offset)) for offset in (poison, unstorable))
    async with consuming(kafka_settings, database_url):
        await soon(lambda: rows.fetchval("SELECT count(*) = 2 FROM dead_letters"))
        await rows.execute("UPDATE dead_letters SET replayed_at = now()")
        await log.decided(str(uuid4()), replay_of=second, reads={"original.city": "a\0b"})
        await log.decided(uid, replay_of=first)
        await soon(lambda: rows.fetchval("SELECT count(*) = 1 FROM dead_letters"))
        await soon(lambda: rows.fetchval("SELECT replayed_at IS NULL FROM dead_letters"))
    (left,) = await rows.fetch("SELECT id, attempts FROM dead_letters")
    assert tuple(left) == (second, 2)
    assert await rows.fetchval("SELECT uid::text FROM decisions") == uid


async def test_a_kill_between_the_rows_and_the_commit_repeats_without_doubling(
    log: Log, stack_env: dict[str, str], tmp_path: Path, rows: asyncpg.Connection
) -> None:
    uids = [str(uuid4()) for _ in range(20)]
    for uid in uids:
        await log.accepted(uid)
        await log.decided(uid)
    doomed = {**stack_env, "FA_FAIL": "history.after-rows:1:kill"}
    first = ServiceProcess("services.console", "history", env=doomed, folder=tmp_path)
    await first.start(wait_ready=False)
    assert await first.wait() == -9
    async with ServiceProcess("services.console", "history", env=stack_env, folder=tmp_path) as second:
        await soon(lambda: rows.fetchval("SELECT count(*) = 20 FROM decisions WHERE document IS NOT NULL"))
        decided = 'finish_history_records_total{outcome="decided",topic="finish.decisions.v1"}'

        async def read_again() -> bool:
            return (await second.metrics()).get(decided, 0) >= 1

        await soon(read_again)
    assert await rows.fetchval("SELECT count(*) FROM decisions") == 20
    assert await rows.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_a_kill_behind_the_end_of_a_replayed_letter_ends_it_once(
    log: Log,
    kafka_settings: Kafka,
    database_url: str,
    stack_env: dict[str, str],
    tmp_path: Path,
    rows: asyncpg.Connection,
) -> None:
    uid = str(uuid4())
    letter = UUID(position_id(DECISIONS, 0, await log.send(DECISIONS, b"{")))
    async with consuming(kafka_settings, database_url):
        await soon(lambda: rows.fetchval("SELECT count(*) = 1 FROM dead_letters"))
        await rows.execute("UPDATE dead_letters SET replayed_at = now()")
    await log.decided(uid, replay_of=letter)
    doomed = {**stack_env, "FA_FAIL": "history.after-rows:1:kill"}
    first = ServiceProcess("services.console", "history", env=doomed, folder=tmp_path)
    await first.start(wait_ready=False)
    assert await first.wait() == -9
    assert await rows.fetchval("SELECT count(*) FROM dead_letters") == 0
    async with ServiceProcess("services.console", "history", env=stack_env, folder=tmp_path):
        await log.decided(last := str(uuid4()))
        await soon(lambda: rows.fetchval("SELECT count(*) = 1 FROM decisions WHERE uid::text = $1", last))
    assert await rows.fetchval("SELECT count(*) FROM dead_letters") == 0
    assert await rows.fetchval("SELECT count(*) FROM decisions WHERE uid::text = $1", uid) == 1


async def test_history_waits_for_the_database_and_goes_on(
    log: Log, kafka_settings: Kafka, own_postgres: RunningPostgres
) -> None:

    url = own_postgres.url_of("postgres")
    await migrate(url)
    async with consuming(kafka_settings, url):
        await log.decided(str(uuid4()))

        async def stored() -> int:
            connection = await asyncpg.connect(url)
            try:
                return int(await connection.fetchval("SELECT count(*) FROM decisions"))
            finally:
                await connection.close()

        await soon(stored)
        await own_postgres.child.kill()
        await log.decided(str(uuid4()))
        await own_postgres.restart()

        async def both() -> bool:
            return await stored() == 2

        await soon(both)
