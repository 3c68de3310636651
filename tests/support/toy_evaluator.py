"""The evaluator as a process, its lanes driving the toy machine: `python -m tests.support.toy_evaluator`."""

import asyncio

from services.chassis.process import Process, run
from services.chassis.settings import load
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


async def main(process: Process, settings: EvaluatorSettings) -> None:
    async with output(settings) as publisher, asyncio.TaskGroup() as tasks, process.parts() as parts:
        start_lanes(
            process, parts, settings, publisher=publisher, tasks=tasks, machine=ToyMachine(), versions=NoVersions()
        )


if __name__ == "__main__":
    run(main, load(EvaluatorSettings))
