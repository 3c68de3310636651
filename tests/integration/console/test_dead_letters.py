"""Dead letters over HTTP: narrowed down, looked at, put on their way again, deleted. Who carries a replay out is not here."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest
from prometheus_client import REGISTRY

from deploy.local.ports import free_port
from schemas.topics import DEFINITIONS, INTERACTIONS, commands
from services.console.settings import Console
from tests.integration.console.conftest import PATIENT_KEYS, Running, serving
from tests.support.deployment import add_key
from tests.support.service_process import ServiceProcess
from tests.support.workspace import Refusal, workspace

START: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)
SCORE: Final = commands("score")


async def letter(connection: Any, **columns: Any) -> UUID:
    """Store a dead letter as an executor or history does, and return its id."""
    row = {
        "id": uuid4(),
        "reason": "permanent",
        "error": "why",
        "topic": INTERACTIONS,
        "partition": 0,
        "offset": 7,
        "key": b"key",
        "value": b'{"a": 1}',
        "first_time": START,
        "last_time": START,
        **columns,
    }
    names = ", ".join(f'"{name}"' for name in row)
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await connection.fetch(f"INSERT INTO dead_letters ({names}) VALUES ({places})", *row.values())
    return UUID(str(row["id"]))


async def stored(running: Running, **columns: Any) -> UUID:
    """Store a dead letter in the console's database."""
    async with running.database.transaction() as tx:
        return await letter(tx, **columns)


async def enqueued(running: Running) -> list[str]:
    """Return which letters wait for the relay, in its order."""
    rows = await running.rows("SELECT aggregateid FROM outbox WHERE aggregatetype = 'replay' ORDER BY seq")
    return [row["aggregateid"] for row in rows]


async def refused(running: Running, method: str, path: str, body: Any = None, **more: Any) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await running.work.api(method, path, body, **more)
    return refusal.value


async def test_they_are_narrowed_down_by_executor_reason_topic_and_prospect(unpublished: Running) -> None:
    prospect = str(uuid4())
    mine = await stored(unpublished, topic=SCORE, executor="score", prospect_id=prospect)
    anonymous = await stored(unpublished, reason="backlog", prospect_id="anon:7")
    for query, expected in (
        ({"executor": "score"}, [mine]),
        ({"reason": "backlog"}, [anonymous]),
        ({"topic": SCORE}, [mine]),
        ({"prospect_id": prospect}, [mine]),
        ({"prospect_id": "anon:7", "topic": INTERACTIONS}, [anonymous]),
        ({"prospect_id": "anon:7", "topic": SCORE}, []),
    ):
        page = await unpublished.work.api("GET", "/dead-letters", params=query)
        assert [item["id"] for item in page["items"]] == list(map(str, expected)), query


async def test_one_is_shown_with_its_bytes_as_text_where_they_are_json(unpublished: Running) -> None:
    text = '{"prospectid": "ü"}'
    readable = await stored(unpublished, value=text.encode())
    shown = await unpublished.work.api("GET", f"/dead-letters/{readable}")
    assert shown["value"] == {"encoding": "text", "content": text}
    assert shown["key"] == {"encoding": "text", "content": "key"}
    assert (shown["refusal"], shown["cut"], shown["replayed_at"]) == (None, False, None)
    broken = await stored(unpublished, value=b"{\xff", key=b"\xff")
    shown = await unpublished.work.api("GET", f"/dead-letters/{broken}")
    assert (shown["key"]["encoding"], shown["value"]["encoding"]) == ("base64", "base64")
    assert base64.b64decode(shown["value"]["content"]) == b"{\xff"


async def test_a_replay_is_put_on_its_way_and_is_under_way_until_somebody_ends_it(unpublished: Running) -> None:
    one = await stored(unpublished)
    labels = {"topic": INTERACTIONS, "reason": "permanent"}
    before = REGISTRY.get_sample_value("finish_console_dead_letter_replays_total", labels) or 0.0
    async with unpublished.work.session.post(
        f"{unpublished.url}/api/dead-letters/{one}/replay", headers=unpublished.work.headers
    ) as response:
        assert (response.status, await response.json()) == (202, {"replayed": 1, "left": False})
    assert await enqueued(unpublished) == [str(one)]
    (item,) = (await unpublished.work.api("GET", "/dead-letters"))["items"]
    assert item["replayed_at"] is not None
    assert REGISTRY.get_sample_value("finish_console_dead_letter_replays_total", labels) == before + 1


async def test_all_that_match_are_replayed_in_the_order_of_their_log_as_many_as_one_call_may(
    database_url: str,
) -> None:
    async with serving(database_url, Console(port=0, keys=PATIENT_KEYS, letters_max=2)) as running:
        wanted = [
            await stored(running, topic=SCORE, executor="score", offset=offset, first_time=START + timedelta(days=day))
            for day, offset in ((2, 1), (1, 9), (1, 8))
        ]
        await stored(running, topic=SCORE, executor="score", cut=True)
        await stored(running, topic=commands("tags"), executor="tags")
        which = {"executor": "score", "reason": "permanent"}
        assert await running.work.api("POST", "/dead-letters/replay", which) == {"replayed": 2, "left": True}
        assert await running.work.api("POST", "/dead-letters/replay", which) == {"replayed": 1, "left": False}
        assert await running.work.api("POST", "/dead-letters/replay", which) == {"replayed": 0, "left": False}
        assert await enqueued(running) == [str(wanted[number]) for number in (2, 1, 0)]


async def test_what_may_have_been_carried_out_already_is_replayed_only_when_it_is_named(unpublished: Running) -> None:
    mail = {"topic": commands("email"), "executor": "email"}
    dead, unsure = await stored(unpublished, **mail), await stored(unpublished, **mail, reason="uncertain")
    assert await unpublished.work.api("POST", "/dead-letters/replay", {"executor": "email"}) == {
        "replayed": 1,
        "left": False,
    }
    assert await enqueued(unpublished) == [str(dead)]
    which = {"executor": "email", "reason": "uncertain"}
    assert await unpublished.work.api("POST", "/dead-letters/replay", which) == {"replayed": 1, "left": False}
    assert await enqueued(unpublished) == [str(dead), str(unsure)]


async def test_what_cannot_be_replayed_is_409_and_says_why(unpublished: Running) -> None:
    for columns, why in (
        ({"topic": "outbox", "reason": "oversize"}, "larger than a topic takes"),
        ({"cut": True}, "not all here"),
        ({"value": None}, "a tombstone"),
        ({"topic": DEFINITIONS, "key": b"asset:pricing"}, "an older form of an asset"),
    ):
        one = await stored(unpublished, **columns)
        refusal = await refused(unpublished, "POST", f"/dead-letters/{one}/replay")
        assert (refusal.status, refusal.body["type"]) == (409, "/problems/not-replayable")
        assert why in refusal.body["detail"]
        assert why in (await unpublished.work.api("GET", f"/dead-letters/{one}"))["refusal"]
    assert await unpublished.work.api("POST", "/dead-letters/replay", {"reason": "permanent"}) == {
        "replayed": 0,
        "left": False,
    }
    list_version = await stored(unpublished, topic=DEFINITIONS, key=b"list:pricing:1")
    await unpublished.work.api("POST", f"/dead-letters/{list_version}/replay")
    assert await enqueued(unpublished) == [str(list_version)]


async def test_one_that_is_not_there_is_404(unpublished: Running) -> None:
    for path in (f"/dead-letters/{uuid4()}", "/dead-letters/x"):
        for method, call in (("GET", path), ("POST", f"{path}/replay"), ("DELETE", path)):
            assert (await refused(unpublished, method, call)).status == 404


async def test_all_of_them_are_never_meant_by_naming_nothing(unpublished: Running) -> None:
    await stored(unpublished)
    for body in ({}, {"executor": None}, {"reason": "boredom"}, {"topic": ""}, {"topic": 7}, {"everything": True}):
        assert (await refused(unpublished, "POST", "/dead-letters/replay", body)).status == 422, body
    for query in ({}, {"reason": "boredom"}, {"prospect_id": ""}, {"prospect_id": "a\0"}, {"everything": "1"}):
        assert (await refused(unpublished, "DELETE", "/dead-letters", params=query)).status == 400, query
    assert await unpublished.count("dead_letters") == 1
    assert await enqueued(unpublished) == []


async def test_one_is_deleted_and_its_replay_taken_back(unpublished: Running) -> None:
    one, other = await stored(unpublished), await stored(unpublished)
    await unpublished.work.api("POST", f"/dead-letters/{one}/replay")
    assert await unpublished.work.api("DELETE", f"/dead-letters/{one}") is None
    assert (await refused(unpublished, "DELETE", f"/dead-letters/{one}")).status == 404
    assert [row["id"] for row in await unpublished.rows("SELECT id FROM dead_letters")] == [other]


async def test_all_that_match_are_deleted_as_many_as_one_call_may(database_url: str) -> None:
    async with serving(database_url, Console(port=0, keys=PATIENT_KEYS, letters_max=2)) as running:
        for _ in range(3):
            await stored(running, executor="score", topic=SCORE)
        kept = await stored(running)
        which = {"executor": "score"}
        assert await running.work.api("DELETE", "/dead-letters", params=which) == {"deleted": 2, "left": True}
        assert await running.work.api("DELETE", "/dead-letters", params=which) == {"deleted": 1, "left": False}
        assert [row["id"] for row in await running.rows("SELECT id FROM dead_letters")] == [kept]


async def test_what_has_ended_does_not_come_back_however_often_its_record_is_read(unpublished: Running) -> None:
    uid = uuid4()
    one = await stored(unpublished, uid=uid, reason="unknown_prospect")
    await unpublished.work.api("DELETE", f"/dead-letters/{one}")
    await stored(unpublished, id=one, uid=uid)
    assert await unpublished.count("dead_letters") == 0
    await stored(unpublished, id=one, uid=uid, value=b"of a topic that was made anew")
    assert await unpublished.count("dead_letters") == 1
    await unpublished.work.api("DELETE", f"/dead-letters/{one}")
    (trace,) = await unpublished.rows("SELECT * FROM ended_dead_letters")
    assert (trace["id"], trace["reason"]) == (one, "permanent")
    assert (await unpublished.work.why(str(uid)))["status"] == "dead"


@pytest.mark.parametrize(
    ("failpoint", "saved"),
    [("before-replay-enqueued", False), ("before-replay-commit", False), ("after-replay-commit", True)],
)
async def test_killed_at_any_step_a_replay_is_asked_for_with_its_outbox_row_or_not_at_all(
    stack_env: dict[str, str], tmp_path: Path, failpoint: str, saved: bool
) -> None:
    url, port = stack_env["FA_POSTGRES__URL"], free_port()
    key = await add_key(url)
    env = {**stack_env, "FA_CONSOLE__PORT": str(port), "FA_CONSOLE__HISTORY": "false"}
    connection = await asyncpg.connect(url)
    one = await letter(connection)
    doomed = ServiceProcess("services.console", env={**env, "FA_FAIL": f"console.{failpoint}:1:kill"}, folder=tmp_path)
    async with doomed, workspace("", f"http://127.0.0.1:{port}", key) as work:
        with pytest.raises(aiohttp.ClientError):
            await work.api("POST", f"/dead-letters/{one}/replay")
        assert await doomed.wait() == -9
    asked = await connection.fetchval("SELECT replayed_at IS NOT NULL FROM dead_letters")
    waiting = await connection.fetchval("SELECT count(*) FROM outbox WHERE aggregatetype = 'replay'")
    await connection.close()
    assert (asked, waiting) == (saved, int(saved))
