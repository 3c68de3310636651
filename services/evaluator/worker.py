"""One worker put together: lanes, their owner, the intake, the Faust application and the watchdog around them.

The machine and the versions are given: the product's in `__main__`, others in crash tests.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas import topics
from services.chassis import kafka
from services.chassis.clock import Clock
from services.chassis.process import Parts, Process, fail_stop
from services.evaluator import topology
from services.evaluator.agents import add_evaluation
from services.evaluator.app import make_app, serve
from services.evaluator.checkpoints import CheckpointWriter
from services.evaluator.evaluation import Evaluation
from services.evaluator.failing import or_stop
from services.evaluator.frames import FrameConsumer, LaneAccess
from services.evaluator.hydration import Hydration
from services.evaluator.intake import Intake, Versions
from services.evaluator.lanes import Lane
from services.evaluator.machine import Machine
from services.evaluator.ownership import Ownership
from services.evaluator.publishing import Publisher
from services.evaluator.settings import EvaluatorSettings
from services.evaluator.state_store import MemoryStore
from services.evaluator.topology import TopologyError
from services.evaluator.watchdog import Watchdog


@asynccontextmanager
async def output(settings: EvaluatorSettings) -> AsyncIterator[Publisher]:
    """Start the producer that all lanes share, and check the topics with it, or end the process with one sentence."""
    producer = kafka.producer(settings.kafka, client_id=f"{settings.evaluator.app_id}-output")
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(kafka.running(producer))
        except (KafkaError, OSError) as exc:
            fail_stop(f"the broker {settings.kafka.bootstrap} does not answer: {type(exc).__name__}")
        try:
            await topology.check(settings.kafka, producer)
        except TopologyError as exc:
            fail_stop(str(exc))
        yield Publisher(settings.kafka, producer)


def start_lanes(
    process: Process,
    parts: Parts,
    settings: EvaluatorSettings,
    *,
    publisher: Publisher,
    tasks: asyncio.TaskGroup,
    machine: Machine,
    versions: Versions,
) -> None:
    """Join the group and evaluate, as parts of the process."""
    evaluator = settings.evaluator
    ownership = Ownership(
        make_lane=_LaneFactory(settings, machine, publisher, process.clock),
        hydration=Hydration(
            settings.kafka,
            settings.kafka.topic(topics.EVALUATOR_STATE),
            poll_ms=evaluator.hydration_poll_ms,
            epoch=evaluator.epoch,
            state_format=machine.format,
        ),
        tasks=tasks,
        settle_timeout_s=settings.settle_timeout_s,
    )
    intake = Intake(ownership, versions)
    app = make_app(settings, LaneAccess(settings.kafka, evaluator, ownership))
    add_evaluation(app, settings.kafka.topic(topics.INTERACTIONS), intake)
    intake.flow = cast("FrameConsumer", app.consumer)
    process.ready_when("broker", publisher.unready)
    process.ready_when("lanes", ownership.unready)
    watchdog = Watchdog(evaluator, ownership, process.clock)
    parts.start("watchdog", or_stop(watchdog.run(settings.kafka)))
    parts.start("versions", or_stop(intake.resume_as_versions_arrive()))
    parts.start_draining("lanes", serve(app, process.stopping))


class _LaneFactory:
    def __init__(self, settings: EvaluatorSettings, machine: Machine, publisher: Publisher, clock: Clock) -> None:
        self._settings, self._machine, self._publisher, self._clock = settings, machine, publisher, clock

    def __call__(self, source: TopicPartition) -> Lane:
        settings, kafka_settings = self._settings.evaluator, self._settings.kafka
        return Lane(
            source,
            settings=settings,
            machine=self._machine,
            evaluation=Evaluation(self._machine, kafka_settings.record_max_bytes),
            store=MemoryStore(self._machine, settings.states_decoded_max),
            publish=self._publisher.publish,
            checkpoints=CheckpointWriter(
                kafka_settings,
                settings.app_id,
                source,
                kafka_settings.topic(topics.EVALUATOR_STATE),
                settings.checkpoint_timeout_s,
            ),
            clock=self._clock,
        )
