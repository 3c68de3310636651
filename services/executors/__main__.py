import argparse
from functools import partial

from services.chassis import postgres
from services.chassis.process import Process, run
from services.chassis.settings import load
from services.executors.adapters.pauses import Pauses
from services.executors.adapters.records import PostgresRecords
from services.executors.registry import executors
from services.executors.runtime.consumer import CommandConsumer
from services.executors.runtime.pipeline import Pipeline
from services.executors.settings import ExecutorsSettings


async def serve(process: Process, settings: ExecutorsSettings, *, names: list[str]) -> None:
    """Run the named executors, each its own consumer group, over one pool of connections."""
    limits, acquire_timeout_s = settings.executors, settings.postgres.acquire_timeout_s
    async with postgres.pool(settings.postgres, application_name="finish-executors") as pool, process.parts() as parts:
        process.ready_when("database", partial(postgres.unreachable, pool))
        pauses = Pauses(pool, poll_s=limits.pauses_poll_s, acquire_timeout_s=acquire_timeout_s)
        parts.start("pauses", pauses.watch())
        for name in names:
            executor = executors()[name]
            records = PostgresRecords(
                pool, name, acquire_timeout_s=acquire_timeout_s, value_max_bytes=limits.record_max_bytes
            )
            pipeline = Pipeline(executor, records, process.clock, limits)
            paused = partial(pauses.any_of, frozenset(executor.actions))
            consumer = CommandConsumer(executor, pipeline, settings.kafka, limits, paused)
            process.ready_when(name, consumer.unassigned)
            parts.start(name, consumer.run())
            parts.start(f"{name}-lag", consumer.measure_lag())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m services.executors", description="Run executors in one process.")
    parser.add_argument("names", nargs="+", choices=list(executors()), metavar="executor", help=", ".join(executors()))
    chosen = list(dict.fromkeys(parser.parse_args().names))
    run(partial(serve, names=chosen), load(ExecutorsSettings))
