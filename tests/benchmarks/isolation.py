"""Figure: how long 19 destinations' webhooks take while the twentieth is well, dead, or drips a byte a second."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import orjson

from schemas import topics
from services.chassis import kafka
from services.chassis.partitioner import partition_for
from tests.benchmarks.deliveries import RATE, command
from tests.benchmarks.figures import Bar, Figure
from tests.benchmarks.measure import percentile
from tests.benchmarks.run import Run
from tests.benchmarks.stage import PARTITIONS, Place, Program, Stage, program
from tests.benchmarks.system import populate
from tests.benchmarks.workload import Workload

PER_S: Final = 200.0
SECONDS: Final = 20.0
_OTHERS: Final = 19
_COLUMNS: Final = ("p50 ms", "p99 ms", "max ms")
_KINDS: Final = {"well": "hook-19", "dead": "dead", "dripping": "drip"}


async def measure(stage: Stage, run: Run) -> list[Figure]:
    """Call 20 destinations at one pace, the last of them in three states in turn."""
    figure = Figure(
        "isolation",
        "19 destinations, beside one that is",
        _COLUMNS,
        bars=tuple(
            Bar(
                f"p99 beside one that is {kind}, times that beside a well one",
                kind,
                "well",
                _COLUMNS[1],
                1.5,
                "at most",
            )
            for kind in ("dead", "dripping")
        ),
        notes=(f"{PER_S:.0f} webhooks a second in turn to 20 destinations; from the command's instant to the answer",),
    )
    for repeat in range(run.repeats):
        for kind, path in _KINDS.items():
            async with stage.place() as place, program("tests.benchmarks.floors.sinks", {}) as sinks:
                took_ms = await _paced(place, sinks, path, run.seconds(SECONDS))
            figure.add(kind, p50_ms=percentile(took_ms, 0.5), p99_ms=percentile(took_ms, 0.99), max_ms=max(took_ms))
        run.say(
            f"repeat {repeat + 1}: " + ", ".join(f"{kind} {figure.runs[kind][-1]['p99 ms']:.0f} ms" for kind in _KINDS)
        )
    return [figure]


async def _paced(place: Place, sinks: Program, last: str, seconds: float) -> list[float]:
    workload = Workload(0, prospects=400)
    port = sinks.hello["http"]
    process = place.service("executors", "webhook", FA_WEBHOOK__ALLOW=f"127.0.0.1:{port}", **RATE)
    async with place.connected() as database:
        await populate(database, workload)
        async with process, kafka.running(kafka.producer(place.kafka, client_id="bench")) as sender:
            topic, loop = place.kafka.topic(topics.commands("webhook")), asyncio.get_running_loop()
            began = loop.time()
            for number in range(round(PER_S * seconds)):
                await asyncio.sleep(max(0.0, began + number / PER_S - loop.time()))
                lane = number % (_OTHERS + 1)
                url = f"http://127.0.0.1:{port}/{last if lane == _OTHERS else f'hook-{lane}'}"
                prospect_id = workload.prospect_ids[number % 400]
                document = command("fire_webhook", {"url": url}, prospect_id, number, datetime.now(UTC))
                key = prospect_id.encode()
                partition = partition_for(key, PARTITIONS)
                await sender.send(topic, orjson.dumps(document), key=key, partition=partition)
            await asyncio.sleep(2.0)
        rows = await database.fetch(
            "SELECT extract(epoch FROM a.ended_at - l.recordedtime)::float8 * 1000 AS ms FROM delivery_attempts a"
            " JOIN command_ledger l USING (command_id) WHERE a.result = 'done' AND a.destination ~ '/hook-'"
            " AND a.destination !~ '/hook-19$' AND l.recordedtime > $1",
            datetime.fromtimestamp(datetime.now(UTC).timestamp() - seconds * 0.9 - 2.0, UTC),
        )
    return [row["ms"] for row in rows]
