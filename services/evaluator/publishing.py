"""Commands, decisions and dead letters on their way: one plain idempotent producer for all lanes of the process.

Output partition = input partition. The topics of one run are sent side by side, the runs of one lane one after the other:
so first appearances are in order within each topic, whatever is repeated after a crash.
"""

import asyncio

from aiokafka import AIOKafkaProducer

from services.chassis.kafka import unreachable
from services.chassis.kafka_batches import batches, send_batches
from services.chassis.settings import Kafka
from services.evaluator import metrics
from services.evaluator.evaluation import Evaluated


class Publisher:
    """Sends with `producer`, which the caller starts and stops."""

    def __init__(self, settings: Kafka, producer: AIOKafkaProducer) -> None:
        self._settings, self._producer = settings, producer

    async def unready(self) -> str | None:
        """Readiness check: return why the broker does not answer, or None."""
        return await unreachable(self._producer)

    async def publish(self, partition: int, evaluated: Evaluated) -> None:
        """Return when all of it is acknowledged. Raises RetryableError or ProducerDeadError: then nothing is covered."""
        with metrics.ACKNOWLEDGEMENT_SECONDS.time():
            async with asyncio.TaskGroup() as group:
                for name, records in evaluated.outputs.items():
                    packed = batches(self._settings, self._producer, records)
                    topic = self._settings.topic(name)
                    group.create_task(send_batches(self._settings, self._producer, topic, partition, packed))
        _count(evaluated)


def _count(evaluated: Evaluated) -> None:
    for outcome, count in evaluated.outcomes.items():
        metrics.EVALUATED.labels(outcome).inc(count)
    for reason, count in evaluated.discarded.items():
        metrics.DISCARDED.labels(reason).inc(count)
    for executor, count in evaluated.commands.items():
        metrics.FIRED.labels(executor).inc(count)
    for reason, count in evaluated.dead.items():
        metrics.DEAD_LETTERS.labels(reason).inc(count)
