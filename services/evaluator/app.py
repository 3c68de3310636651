"""The Faust application: one group, one topic, no tables, no web, no producer, no commits.

What Faust 0.15.3 does badly is not used (tables, `exactly_once`, `take`, sends); what it does well stays: membership,
rebalancing, flow control, lifecycle. It runs inside our own process, so logs, signals and the ops server are the chassis's.
"""

import asyncio
import logging
import tempfile
from typing import Any

import faust
from aiokafka import TopicPartition
from faust.app.base import BootStrategy

from schemas import topics
from services.chassis.process import fail_stop
from services.evaluator.failing import or_stop
from services.evaluator.frames import FrameTransport, LaneAccess
from services.evaluator.settings import EvaluatorSettings

# Faust's services log each start and stop under the name of the module that subclasses them: here.
logging.getLogger("services.evaluator").setLevel(logging.WARNING)


class _ConsumerOnly(BootStrategy):
    enable_kafka_producer = False
    enable_web = False


class FrameApp(faust.App):
    """An application that carries its lanes."""

    BootStrategy = _ConsumerOnly
    lanes: LaneAccess

    def _create_directories(self) -> None:
        """Keep nothing on disk."""


def make_app(settings: EvaluatorSettings, lanes: LaneAccess) -> FrameApp:
    """Make the application in the running loop, its callbacks led to the lanes."""
    evaluator, kafka = settings.evaluator, settings.kafka
    app = FrameApp(
        kafka.group(evaluator.app_id),
        loop=asyncio.get_running_loop(),
        broker=[f"kafka://{host}" for host in kafka.bootstrap.split(",")],
        store="memory://",
        datadir=tempfile.gettempdir(),
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=kafka.member_id,
        broker_session_timeout=kafka.session_timeout_ms / 1000,
        broker_heartbeat_interval=kafka.heartbeat_interval_ms / 1000,
        broker_rebalance_timeout=kafka.rebalance_timeout_ms / 1000,
        broker_request_timeout=kafka.request_timeout_ms / 1000,
        broker_commit_interval=60.0,
        stream_buffer_maxsize=evaluator.frames_queued_max,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
    )
    app.finalize()
    app.lanes = lanes
    lanes.ownership.membership = app
    app.transport = FrameTransport(app.conf.broker_consumer, app, app.loop)
    source = kafka.topic(topics.INTERACTIONS)

    async def assigned(*_: Any, **__: Any) -> None:
        mine = [TopicPartition(*tp) for tp in app.consumer.assignment() if tp.topic == source]
        await or_stop(lanes.ownership.assigned(mine))

    async def leaving(*_: Any, **__: Any) -> None:
        await or_stop(lanes.ownership.close())

    app.on_rebalance_complete.connect(assigned)
    app.on_before_shutdown.connect(leaving)
    return app


async def serve(app: FrameApp, stopping: asyncio.Event) -> None:
    """Run the application until told to stop; then settle, checkpoint and leave the group. What crashes it ends the process:
    the consumer's thread would keep a half-dead one alive."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(or_stop(work)) for work in (app.start(), _crash(app))]
        try:
            await stopping.wait()
            await app.stop()
        except asyncio.CancelledError:
            fail_stop("the lanes were not settled in time")
        for task in running:
            task.cancel()


async def _crash(app: FrameApp) -> None:
    await app.wait_until_stopped()
    if app.crash_reason is not None:
        raise app.crash_reason
