import argparse
import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import NoReturn

import structlog

from services.chassis import postgres
from services.chassis.errors import RetryableError
from services.chassis.postgres import Pool
from services.chassis.process import Parts, Process, run
from services.chassis.settings import load
from services.executors.adapters.attempts import Desk
from services.executors.adapters.deliveries import Intake, Work
from services.executors.adapters.ledger import Bounds
from services.executors.adapters.pauses import Pauses
from services.executors.adapters.records import PostgresRecords
from services.executors.executor import IN_APP, Executor, LocalAction
from services.executors.registry import executors
from services.executors.remotes import REMOTES, Called
from services.executors.runtime.consumer import CommandConsumer
from services.executors.runtime.dispatcher import Dispatcher
from services.executors.runtime.intake import take_in
from services.executors.runtime.pipeline import Pipeline
from services.executors.runtime.settlement import settle
from services.executors.runtime.worker import Worker
from services.executors.settings import ExecutorsSettings

log = structlog.get_logger()


async def serve(process: Process, settings: ExecutorsSettings, *, names: list[str]) -> None:
    """Run the named executors, each its own consumer group, over one pool of connections."""
    acquire_timeout_s = settings.postgres.acquire_timeout_s
    async with (
        AsyncExitStack() as opened,
        postgres.pool(settings.postgres, application_name="finish-executors") as pool,
        process.parts() as parts,
    ):
        process.ready_when("database", partial(postgres.unreachable, pool))
        pauses = Pauses(pool, poll_s=settings.executors.pauses_poll_s, acquire_timeout_s=acquire_timeout_s)
        parts.start("pauses", pauses.watch())
        for name in names:
            executor = executors()[name]
            if executor.of_record:
                _change_records(process, parts, settings, pool, executor, pauses)
            else:
                called = REMOTES[name](settings, process.clock) if name in REMOTES else None
                remote = None if called is None else await opened.enter_async_context(called)
                _deliver(process, parts, settings, pool, executor, remote)


def _change_records(
    process: Process, parts: Parts, settings: ExecutorsSettings, pool: Pool, executor: Executor, pauses: Pauses
) -> None:
    limits, name = settings.executors, executor.name
    records = PostgresRecords(
        pool, name, acquire_timeout_s=settings.postgres.acquire_timeout_s, value_max_bytes=limits.record_max_bytes
    )
    pipeline = Pipeline(executor, records, settle, process.clock, limits)
    paused = partial(pauses.any_of, frozenset(executor.actions))
    _consume(process, parts, CommandConsumer(executor, pipeline, settings.kafka, limits, paused), name)


def _deliver(
    process: Process,
    parts: Parts,
    settings: ExecutorsSettings,
    pool: Pool,
    executor: Executor,
    called: Called | None,
) -> None:
    """Take commands in as they come, paused or not: what is paused is left alone by worker and dispatcher."""
    limits, name = settings.executors, executor.name
    bounds = Bounds(settings.postgres.acquire_timeout_s, limits.record_max_bytes)
    dispatcher = None
    if called is not None:
        dispatcher = Dispatcher(name, called.remote, called.policy, Desk(pool, name, bounds), process.clock, limits)
    intake = Intake(pool, name, bounds, told=(lambda: None) if dispatcher is None else dispatcher.wake)
    if dispatcher is not None:
        parts.start_draining(f"{name}-dispatcher", dispatcher.run(process.stopping))
    pipeline = Pipeline(executor, intake, partial(take_in, executor), process.clock, limits)
    _consume(process, parts, CommandConsumer(executor, pipeline, settings.kafka, limits, lambda: False), name)
    parts.start(f"{name}-waits", _resolve(intake, limits.waits_poll_s))
    if any(isinstance(action, LocalAction) for action in executor.actions.values()):
        work = Work(pool, name, bounds)
        parts.start(f"{name}-worker", Worker(executor, IN_APP, work, process.clock, limits).run())


def _consume(process: Process, parts: Parts, consumer: CommandConsumer, name: str) -> None:
    process.ready_when(name, consumer.unassigned)
    parts.start(name, consumer.run())
    parts.start(f"{name}-lag", consumer.measure_lag())


async def _resolve(intake: Intake, poll_s: float) -> NoReturn:
    """Let go again and again what waits for commands that have ended unseen."""
    while True:
        try:
            await intake.resolve()
        except RetryableError as exc:
            log.warning("waits_unresolved", reason=exc.reason)
        await asyncio.sleep(poll_s)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m services.executors", description="Run executors in one process.")
    parser.add_argument("names", nargs="+", choices=list(executors()), metavar="executor", help=", ".join(executors()))
    chosen = list(dict.fromkeys(parser.parse_args().names))
    run(partial(serve, names=chosen), load(ExecutorsSettings))
