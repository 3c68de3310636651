"""The floors of ingest, all aiohttp over uvloop without middleware, keys, checks or metrics.

`/accepted` reads the body and answers 202, `/submitted` 200. `/moved` answers 302, `/file` sends a file. `/events` reads the body, parses it as JSON and sends for
every event in it one record of the same size as ours, encoded beforehand, under the event's prospect, gathered for 2 ms per
partition as ingest does; it answers 202 with nothing when the broker has acknowledged all.
"""

import asyncio
import sys
from collections import defaultdict
from typing import Any, Final

import orjson
import uvloop
from aiohttp import web
from aiokafka import AIOKafkaProducer

from schemas import topics
from services.chassis import kafka
from services.chassis.kafka_batches import Record, batches, send_batches
from services.chassis.partitioner import partition_for
from services.chassis.settings import Kafka
from tests.benchmarks.stage import PARTITIONS

_GATHER_S: Final = 0.002


class Gathering:
    """One partition's records: what comes within a moment, or while a batch is in flight, leaves together."""

    def __init__(self, settings: Kafka, producer: AIOKafkaProducer, partition: int) -> None:
        self._settings, self._producer, self._partition = settings, producer, partition
        self._topic = settings.topic(topics.INTERACTIONS)
        self._records: list[Record] = []
        self._sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._filled = asyncio.Event()

    def add(self, records: list[Record]) -> asyncio.Future[None]:
        """Add records; what is returned ends when the broker has them."""
        self._records += records
        self._filled.set()
        return self._sent

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._filled.wait()
            await asyncio.sleep(_GATHER_S)
            records, sent = self._records, self._sent
            self._records, self._sent = [], asyncio.get_running_loop().create_future()
            self._filled.clear()
            packed = batches(self._settings, self._producer, records)
            await send_batches(self._settings, self._producer, self._topic, self._partition, packed)
            sent.set_result(None)


class Bare:
    """The handlers."""

    def __init__(self, value: bytes, lanes: list[Gathering], file: str) -> None:
        self._value, self._lanes, self._file = value, lanes, file

    async def accepted(self, request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=202)

    async def submitted(self, request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    async def file(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(self._file)

    async def moved(self, _request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "https://example.com/landing"})

    async def events(self, request: web.Request) -> web.Response:
        shares: dict[int, list[Record]] = defaultdict(list)
        for event in orjson.loads(await request.read()):
            key = event["prospectid"].encode()
            shares[partition_for(key, PARTITIONS)].append((key, self._value, []))
        await asyncio.gather(*{self._lanes[partition].add(share) for partition, share in shares.items()})
        return web.Response(status=202)


async def main(task: dict[str, Any]) -> None:
    """Serve until cancelled, and say where."""
    settings = Kafka(bootstrap=task["bootstrap"], topic_prefix=task["prefix"])
    async with (
        kafka.running(kafka.producer(settings, client_id="bench-bare")) as producer,
        asyncio.TaskGroup() as group,
    ):
        lanes = [Gathering(settings, producer, partition) for partition in range(PARTITIONS)]
        for lane in lanes:
            group.create_task(lane.run())
        bare, app = Bare(b"x" * task["value_bytes"], lanes, task["file"]), web.Application()
        app.router.add_post("/accepted", bare.accepted)
        app.router.add_post("/submitted", bare.submitted)
        app.router.add_get("/file", bare.file)
        app.router.add_get("/moved/{token}", bare.moved)
        app.router.add_post("/events", bare.events)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as looped:
        looped.run(main(orjson.loads(sys.stdin.buffer.readline())))
