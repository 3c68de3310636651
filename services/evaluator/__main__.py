"""Run it: `python -m services.evaluator`."""

import asyncio

from core.definitions import Definitions
from schemas import topics
from services.chassis.process import Process, run
from services.chassis.settings import load
from services.chassis.tail import TopicTail
from services.evaluator.definitions import DefinitionsFeed, KnownVersions
from services.evaluator.failing import or_stop
from services.evaluator.machine import CoreMachine
from services.evaluator.settings import EvaluatorSettings
from services.evaluator.worker import output, start_lanes


async def main(process: Process, settings: EvaluatorSettings) -> None:
    """Read the definitions, then join the group and evaluate."""
    kafka, evaluator = settings.kafka, settings.evaluator
    definitions = Definitions()
    feed = DefinitionsFeed(definitions, evaluator.refused_definitions_max)
    tail = TopicTail(
        kafka,
        kafka.topic(topics.DEFINITIONS),
        feed.take,
        client_id=f"{evaluator.app_id}-definitions",
        clock=process.clock,
    )
    async with output(settings) as publisher, asyncio.TaskGroup() as tasks, process.parts() as parts:
        process.ready_when("definitions", tail.unready)
        parts.start("definitions", or_stop(tail.run()))
        parts.start("definition_letters", or_stop(feed.send_letters(publisher)))
        async with asyncio.timeout(evaluator.definitions_timeout_s):
            await tail.ready.wait()
        start_lanes(
            process,
            parts,
            settings,
            publisher=publisher,
            tasks=tasks,
            machine=CoreMachine(definitions, evaluator.epoch, evaluator.limits),
            versions=KnownVersions(definitions, feed, tail, catch_up_timeout_s=evaluator.catch_up_timeout_s),
        )


if __name__ == "__main__":
    run(main, load(EvaluatorSettings))
