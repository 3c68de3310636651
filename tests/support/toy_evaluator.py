"""The evaluator as a process, its lanes driving the toy machine: `python -m tests.support.toy_evaluator`.

With TOY_ACK_S each frame's acknowledgement takes so much longer: the queue of frames is full as long as there is a backlog.
"""

import asyncio
import os

from services.chassis.process import Process, run
from services.chassis.settings import load
from services.evaluator.evaluation import Evaluated
from services.evaluator.lanes import Publish
from services.evaluator.machine import VersionUnknown
from services.evaluator.settings import EvaluatorSettings
from services.evaluator.worker import output, start_lanes
from tests.support.toy_machine import ToyMachine


class NoVersions:
    """The toy cites no versions."""

    def knows(self, unknown: VersionUnknown) -> bool:
        return True

    async def arrives(self, unknown: VersionUnknown) -> bool:
        return True

    async def changed(self) -> None:
        await asyncio.Event().wait()


def slowed(publish: Publish, ack_s: float) -> Publish:
    """Publish as behind a slow broker."""

    async def slowly(partition: int, evaluated: Evaluated) -> None:
        await asyncio.sleep(ack_s)
        await publish(partition, evaluated)

    return slowly


async def main(process: Process, settings: EvaluatorSettings) -> None:
    async with output(settings) as publisher, asyncio.TaskGroup() as tasks, process.parts() as parts:
        if ack_s := float(os.environ.get("TOY_ACK_S", "0")):
            publisher.publish = slowed(publisher.publish, ack_s)  # type: ignore[assignment, method-assign]  # of the same shape
        start_lanes(
            process, parts, settings, publisher=publisher, tasks=tasks, machine=ToyMachine(), versions=NoVersions()
        )


if __name__ == "__main__":
    run(main, load(EvaluatorSettings))
