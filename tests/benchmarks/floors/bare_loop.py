"""The floor of the evaluator: a plain aiokafka loop that reads the same log and sends the same bytes, encoded beforehand.

The outputs of the first interactions are made by the machine before the clock starts and repeated for the others, so count
and size of commands and decisions are those of the evaluator. Batches, acknowledgements and idempotence are, too; there is
no Faust, no judging, no state and no checkpoint. One round of sends is in flight while the next is read.
"""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import count, cycle, islice
from typing import Any, Final

import orjson
import uvloop
from aiokafka import ConsumerRecord, TopicPartition

from core.definitions import Definitions
from core.state import State
from core.step import step
from schemas import topics
from services.chassis import kafka
from services.chassis.kafka_batches import Record, batches, send_batches
from services.chassis.settings import Kafka
from tests.benchmarks.workload import Workload

_PREPARED: Final = 20_000
_FRAME: Final = 500
_COMMIT_S: Final = 0.2
_SNAPSHOT: Final = b'"type":"prospect.snapshot"'

Outputs = list[tuple[str, bytes]]
"""Topic and value of everything that one interaction leads to."""


def prepared(workload: Workload) -> list[Outputs]:
    """Return what the first interactions lead to."""
    definitions, states, numbers = Definitions(), dict[bytes, State | None](), count()
    for _, value in workload.definitions():
        definitions.apply(orjson.loads(value))
    for key, value in workload.snapshots():
        states[key] = step(None, key, value, next(numbers), definitions).state
    outputs: list[Outputs] = []
    for key, value in islice(workload.events(), _PREPARED):
        stepped = step(states[key], key, value, next(numbers), definitions)
        states[key] = stepped.state
        commands = [(topics.commands(command.executor), command.value) for command in stepped.commands]
        outputs.append(commands + [(topics.DECISIONS, decision) for decision in stepped.decisions])
    return outputs


class Loop:
    """Sends for each record what was prepared for another."""

    def __init__(self, settings: Kafka, outputs: Sequence[Outputs]) -> None:
        self._settings = settings
        self._outputs = cycle(outputs)
        self._producer = kafka.producer(settings, client_id="bench-bare")
        self._reader = kafka.consumer(
            settings,
            settings.topic(topics.INTERACTIONS),
            client_id="bench-bare",
            isolation="read_uncommitted",
            group="bench-bare",
        )

    async def run(self) -> None:
        """Go on until cancelled."""
        async with kafka.running(self._producer), kafka.running(self._reader):
            sending: asyncio.Future[Any] | None = None
            read: dict[TopicPartition, int] = {}
            committed_s = time.monotonic()
            while True:
                fetched = await self._reader.getmany(timeout_ms=250)
                if sending is not None:
                    await sending
                if read and time.monotonic() - committed_s > _COMMIT_S:
                    await self._reader.commit(read)
                    committed_s = time.monotonic()
                sending = asyncio.gather(*(self._send(part.partition, records) for part, records in fetched.items()))
                read |= {part: records[-1].offset + 1 for part, records in fetched.items()}

    async def _send(self, partition: int, records: Sequence[ConsumerRecord]) -> None:
        for start in range(0, len(records), _FRAME):
            by_topic: dict[str, list[Record]] = defaultdict(list)
            for record in records[start : start + _FRAME]:
                if _SNAPSHOT not in record.value[:200]:
                    for topic, value in next(self._outputs):
                        by_topic[topic].append((record.key, value, []))
            await asyncio.gather(*(self._send_topic(topic, partition, out) for topic, out in by_topic.items()))

    async def _send_topic(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        packed = batches(self._settings, self._producer, records)
        await send_batches(self._settings, self._producer, self._settings.topic(topic), partition, packed)


async def main(task: dict[str, Any]) -> None:
    """Prepare, say so, and run."""
    outputs = prepared(Workload(**task["workload"]))
    print('"ready"', flush=True)
    await Loop(Kafka(bootstrap=task["bootstrap"], topic_prefix=task["prefix"]), outputs).run()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(orjson.loads(sys.stdin.buffer.readline())))
