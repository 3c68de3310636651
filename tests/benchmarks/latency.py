"""Figure: from sending a POST until its effect is in the database, beside produce to consume on the same broker.

A trigger of the benchmark's own, on the ledger, sends a notification with the interactions of each batch; PostgreSQL
delivers it at the commit, so its arrival is the moment from which anybody can read the effect.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
from aiokafka import TopicPartition

from schemas import topics
from schemas.identity import interaction_uid
from services.chassis import kafka
from services.chassis.settings import Kafka
from tests.benchmarks.evaluator import WrongError
from tests.benchmarks.figures import Bar, Figure
from tests.benchmarks.floors.http_load import MARK
from tests.benchmarks.log import publish
from tests.benchmarks.measure import percentile
from tests.benchmarks.run import Run
from tests.benchmarks.stage import Place, Stage, program
from tests.benchmarks.system import System, populate, relayed, system
from tests.benchmarks.workload import SOURCE, Workload, posted_event
from tests.support.eventually import eventually

PER_S: Final = 300
SECONDS: Final = 40.0
_SKIPPED: Final = 0.1
"""The first tenth is not counted: caches and connections are cold."""
_CHANNEL: Final = "bench_settled"
_COLUMNS: Final = ("p50 ms", "p99 ms", "max ms")
_EFFECT, _FLOOR = "POST to visible effect", "produce to consume"
_TRIGGER: Final = """
    CREATE FUNCTION bench_tell() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('bench_settled', string_agg(uid::text, ',')) FROM settled;
        RETURN NULL;
    END $$;
    CREATE TRIGGER bench_tell AFTER INSERT ON command_ledger REFERENCING NEW TABLE AS settled
        FOR EACH STATEMENT EXECUTE FUNCTION bench_tell();
"""
_LIST: Final = {
    "schema": 1,
    "record": "action_list",
    "asset_id": "asset-0",
    "asset_kind": "redirect_link",
    "version": 1,
    "actions": [
        {
            "id": "plus",
            "name": "Plus",
            "trigger": "clicked",
            "type": "adjust_score",
            "params": {"op": "add", "amount": 1},
        }
    ],
    "types": {},
    "disabled_users": [],
    "savedtime": "2026-11-23T09:00:00Z",
}


async def measure(stage: Stage, run: Run) -> list[Figure]:
    """Run floor and system by turns on the same broker."""
    figure = Figure(
        "latency",
        f"Latency at {PER_S}/s",
        _COLUMNS,
        bars=(
            Bar("p50, times the floor's", _EFFECT, _FLOOR, _COLUMNS[0], 3, "at most"),
            Bar("p99, times the floor's", _EFFECT, _FLOOR, _COLUMNS[1], 5, "at most"),
        ),
        notes=("all services run, history too; one action, adjust_score, on every interaction",),
    )
    workload = Workload(0, prospects=2_000, assets=1)
    seconds = run.seconds(SECONDS, 5.0)
    for repeat in range(run.repeats):
        async with stage.place() as place:
            await _prepare(place, workload)
            async with system(place, "relay", "console", "evaluator", "executors", "ingest") as running:
                _add(figure, _FLOOR, await _produce_to_consume(place.kafka, seconds / 2))
                _add(figure, _EFFECT, await _post_to_effect(place, running, workload, seconds))
        run.say(f"repeat {repeat + 1}: {figure.runs[_EFFECT][-1]}, floor {figure.runs[_FLOOR][-1]}")
    return [figure]


def _add(figure: Figure, series: str, waited_s: list[float]) -> None:
    counted = [1000 * each for each in waited_s[round(_SKIPPED * len(waited_s)) :]]
    figure.add(series, p50_ms=percentile(counted, 0.5), p99_ms=percentile(counted, 0.99), max_ms=max(counted))


async def _prepare(place: Place, workload: Workload) -> None:
    asset, _ = workload.definitions()
    await publish(place.kafka, topics.DEFINITIONS, [asset, (b"list:asset-0:1", orjson.dumps(_LIST))], partitions=1)
    async with place.connected() as database:
        await populate(database, workload)
        await database.execute(_TRIGGER)
        async with system(place, "relay"):
            await relayed(database, 120)


async def _post_to_effect(place: Place, running: System, workload: Workload, seconds: float) -> list[float]:
    """Post at the pace and return how long each effect took, in the order of the posts."""
    event = posted_event("asset-0", "PROSPECT", MARK)
    body = orjson.dumps(event).decode().replace("PROSPECT", workload.prospect_ids[0])
    head = [
        "POST /v1/events HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/cloudevents+json",
        f"Content-Length: {len(body)}",
        f"Authorization: Bearer {running.key}",
    ]
    requests = [
        "\r\n".join([*head, "", body.replace(workload.prospect_ids[0], prospect_id)])
        for prospect_id in workload.prospect_ids
    ]
    task = {"port": running.ingest_port, "connections": 32, "seconds": seconds, "per_s": PER_S, "requests": requests}
    async with _arrivals(place) as arrived_s:
        async with program("tests.benchmarks.floors.http_load", task) as load:
            result = await load.line()
        if set(result["statuses"]) != {"202"}:
            raise WrongError(f"answers {result['statuses']}, {result['lost']} connections lost")
        sent = [(interaction_uid(SOURCE, f"{number:012}"), sent_s) for number, sent_s in result["sent"]]
        await eventually(lambda: all(uid in arrived_s for uid, _ in sent), 30)
        return [arrived_s[uid] - sent_s for uid, sent_s in sent]


@asynccontextmanager
async def _arrivals(place: Place) -> AsyncIterator[dict[str, float]]:
    """Yield when each interaction's effect became visible, which goes on filling."""
    arrived_s: dict[str, float] = {}

    def heard(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
        now_s = time.monotonic()
        for uid in str(payload).split(","):
            arrived_s.setdefault(uid, now_s)

    async with place.connected() as database:
        await database.add_listener(_CHANNEL, heard)
        yield arrived_s
        await database.remove_listener(_CHANNEL, heard)


async def _produce_to_consume(settings: Kafka, seconds: float) -> list[float]:
    """Send at the pace, acknowledged by all, and return how long each record took to a consumer without a group.

    It borrows a topic that nobody of the system reads.
    """
    topic, waited_s = settings.topic(topics.commands("lambda")), list[float]()
    total = round(PER_S * seconds)
    reader = kafka.consumer(settings, client_id="bench-floor", isolation="read_uncommitted")
    async with kafka.running(kafka.producer(settings, client_id="bench-floor")) as producer, kafka.running(reader):
        part = TopicPartition(topic, 0)
        reader.assign([part])
        await reader.seek_to_end(part)

        async def consume() -> None:
            while len(waited_s) < total:
                for records in (await reader.getmany(timeout_ms=100)).values():
                    now_s = time.monotonic()
                    waited_s.extend(now_s - float(record.value) for record in records)

        async with asyncio.timeout(seconds + 30), asyncio.TaskGroup() as group:
            group.create_task(consume())
            began_s = time.monotonic()
            for number in range(total):
                await asyncio.sleep(max(began_s + number / PER_S - time.monotonic(), 0))
                await producer.send(topic, repr(time.monotonic()).encode(), partition=0)
    return waited_s
