"""Executors that call other systems, as real processes killed at every step: nothing is lost, and what is sent again is the same."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from schemas.topics import commands as commands_topic
from services.chassis.settings import Kafka
from tests.integration.executors.bench import bench_of, command
from tests.integration.executors.delivering import INTERACTION
from tests.support.eventually import eventually
from tests.support.http_sink import http_sink
from tests.support.service_process import ServiceProcess
from tests.support.smtp_sink import smtp_sink

COUNT = 12
INTAKE = ["before-transaction", "before-commit", "after-commit", "after-offsets"]
DISPATCHER = ["before-claim", "before-begun", "after-begun", "after-attempt", "before-settled", "after-settled"]
FEW = {
    "FA_EXECUTORS__BATCH_MAX_RECORDS": "3",
    "FA_EXECUTORS__REMOTE__TAKEN_MAX": "3",
    "FA_EXECUTORS__REMOTE__LEASE_MARGIN_S": "0.1",
    "FA_WEBHOOK__TOTAL_TIMEOUT_S": "1",
}

NOTE = """
import json, uuid
from pathlib import Path

def handler(event, context):
    written = context.aws_request_id + "\\n" + json.dumps(event, sort_keys=True)
    Path({calls!r}, str(uuid.uuid4())).write_text(written)
    return {{"id": context.aws_request_id}}
"""


@pytest.mark.parametrize("point", [*INTAKE, *DISPATCHER])
async def test_a_webhook_killed_at_any_step_arrives_with_one_id_and_the_same_bytes(
    point: str,
    database_url: str,
    env: dict[str, str],
    kafka_settings: Kafka,
    producer: AIOKafkaProducer,
    tmp_path: Path,
) -> None:
    async with http_sink() as sink, bench_of("tags", database_url) as bench:
        prospects = [await bench.prospect(email=f"p{number}@example.org") for number in range(4)]
        documents = [
            command(
                prospects[number % 4],
                "fire_webhook",
                {"url": f"{sink.url}/{number % 2}"},
                number,
                interaction=INTERACTION,
            )
            for number in range(COUNT)
        ]
        await _send(documents, kafka_settings.topic(commands_topic("webhook")), producer)
        allowed = env | FEW | {"FA_WEBHOOK__ALLOW": f"127.0.0.1:{sink.port}"}
        await _killed("webhook", point, allowed, tmp_path)
        async with ServiceProcess("services.executors", "webhook", env=allowed, folder=tmp_path):
            await eventually(lambda: _ended(bench.pool), 30)

        by_id = defaultdict(set)
        for each in sink.received:
            by_id[each.headers["webhook-id"]].add((each.path, each.body))
        assert by_id.keys() == {document["id"] for document in documents}
        assert all(len(sent) == 1 for sent in by_id.values())
        sent_times = Counter(each.headers["webhook-id"] for each in sink.received)
        assert max(sent_times.values()) <= 2
        assert await bench.pool.fetchval("SELECT count(*) FROM deliveries") == 0
        assert await bench.pool.fetchval("SELECT count(*) FROM dead_letters") == 0


@pytest.mark.parametrize("on_uncertain", ["hold", "resend"])
@pytest.mark.parametrize("point", ["before-begun", "after-begun", "after-attempt", "before-settled", "after-settled"])
async def test_a_mail_killed_at_any_step_leaves_at_most_once_unless_the_owner_wants_it_twice(
    point: str,
    on_uncertain: str,
    database_url: str,
    env: dict[str, str],
    kafka_settings: Kafka,
    producer: AIOKafkaProducer,
    tmp_path: Path,
) -> None:
    async with smtp_sink() as box, bench_of("tags", database_url) as bench:
        await _template(bench.pool)
        prospects = [await bench.prospect(email=f"p{number}@example.org") for number in range(4)]
        params = {"template": "offer", "on_uncertain": on_uncertain}
        documents = [
            command(prospects[number % 4], "send_email", params, number, interaction=INTERACTION)
            for number in range(COUNT)
        ]
        await _send(documents, kafka_settings.topic(commands_topic("email")), producer)
        mailing = (
            env | FEW | {"FA_MAIL__PORT": str(box.port), "FA_TOKENS__KEYS": f"k1:{'s' * 40}", "FA_MAIL__TIMEOUT_S": "1"}
        )
        await _killed("email", point, mailing, tmp_path)
        async with ServiceProcess("services.executors", "email", env=mailing, folder=tmp_path):
            await eventually(lambda: _over(bench.pool), 40)

        sent = Counter(box.ids)
        states = await bench.pool.fetch("SELECT command_id, state FROM command_ledger")
        by_state = {f"<{row['command_id']}@finish.example>": row["state"] for row in states}
        assert sent.keys() <= by_state.keys()
        if on_uncertain == "hold":
            assert max(sent.values()) == 1
            assert all(sent[id_] == 1 for id_, state in by_state.items() if state == "done")
            assert set(by_state.values()) <= {"done", "uncertain"}
        else:
            assert set(by_state.values()) == {"done"}
            assert len(sent) == COUNT
            assert max(sent.values()) <= 2
        assert all(len({body for _, body in box.received if id_.encode() in body}) == 1 for id_ in sent)


@pytest.mark.parametrize("point", ["before-begun", "after-begun", "after-attempt", "before-settled", "after-settled"])
async def test_a_function_killed_at_any_step_is_called_again_with_its_id_and_payload_and_answers_into_the_record_once(
    point: str,
    database_url: str,
    env: dict[str, str],
    kafka_settings: Kafka,
    producer: AIOKafkaProducer,
    tmp_path: Path,
) -> None:
    functions, calls = tmp_path / "lambda", tmp_path / "calls"
    functions.mkdir()
    calls.mkdir()
    (functions / "note.py").write_text(NOTE.format(calls=str(calls)))
    async with bench_of("tags", database_url) as bench:
        prospects = [await bench.prospect(email=f"p{number}@example.org") for number in range(COUNT)]
        params = {"function": "note", "provider": "local", "response_map": {"company": "/id"}}
        documents = [
            command(prospect_id, "execute_lambda", params, number, interaction=INTERACTION)
            for number, prospect_id in enumerate(prospects)
        ]
        await _send(documents, kafka_settings.topic(commands_topic("lambda")), producer)
        allowed = (
            env
            | FEW
            | {
                "FA_LAMBDA__LOCAL_ENABLED": "true",
                "FA_LAMBDA__LOCAL_FOLDER": str(functions),
                "FA_LAMBDA__LOCAL_TIMEOUT_S": "3",
                "FA_LAMBDA__TIMEOUT_S": "3",
            }
        )
        await _killed("lambda", point, allowed, tmp_path)
        async with ServiceProcess("services.executors", "lambda", env=allowed, folder=tmp_path):
            await eventually(lambda: _ended(bench.pool), 40)

        by_id = defaultdict(list)
        for call in calls.iterdir():
            id_, _, payload = call.read_text().partition("\n")
            by_id[id_].append(payload)
        assert by_id.keys() == {document["id"] for document in documents}
        assert all(len(set(sent)) == 1 and len(sent) <= 2 for sent in by_id.values())
        for document, prospect_id in zip(documents, prospects, strict=True):
            values = [each["values"]["fields"].get("company") for each in await bench.snapshots(prospect_id)]
            assert values == [None, document["id"]]


async def _send(documents: Sequence[dict[str, Any]], topic: str, producer: AIOKafkaProducer) -> None:
    for document in documents:
        await producer.send_and_wait(topic, orjson.dumps(document), key=document["prospect_id"].encode())


async def _killed(executor: str, point: str, env: dict[str, str], folder: Path) -> None:
    """Run an executor until it comes to this step for the second time, and is killed there."""
    armed = env | {"FA_FAIL": f"executor.{executor}.{point}:2:kill"}
    doomed = ServiceProcess("services.executors", executor, env=armed, folder=folder)
    await doomed.start(wait_ready=False)
    assert await asyncio.wait_for(doomed.wait(), 30) == -9


async def _template(pool: asyncpg.Pool) -> None:
    await pool.execute(
        "INSERT INTO assets (id, kind, name, settings) VALUES ('offer', 'list_email', 'Offer', $1)",
        {"subject": "An offer for {{ prospect.email }}"},
    )
    await pool.execute(
        "INSERT INTO templates (id, html_ready, text_ready) VALUES ('offer', $1, $2)",
        '<p>See <a href="https://shop.example/offer">our offer</a>.</p>',
        "See https://shop.example/offer",
    )


async def _over(pool: asyncpg.Pool) -> bool:
    rows = await pool.fetch("SELECT state, count(*) AS n FROM command_ledger GROUP BY state")
    counts: dict[str, int] = {row["state"]: row["n"] for row in rows}
    return counts.get("done", 0) + counts.get("uncertain", 0) == COUNT


async def _ended(pool: asyncpg.Pool) -> bool:
    rows = await pool.fetch("SELECT state, count(*) AS n FROM command_ledger GROUP BY state")
    return {row["state"]: row["n"] for row in rows} == {"done": COUNT}
