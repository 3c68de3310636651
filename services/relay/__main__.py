"""Run it: `python -m services.relay`; `python -m services.relay backfill` enqueues every existing record and ends."""

import argparse
import asyncio
from functools import partial
from typing import NoReturn

from services.chassis import postgres
from services.chassis.process import Process, run
from services.chassis.settings import load
from services.relay import backfill, retention, sends
from services.relay.age import watch_age
from services.relay.dead_letters import watch_dead_letters
from services.relay.leadership import Leadership
from services.relay.outbox import Outbox
from services.relay.relaying import Relaying
from services.relay.settings import RelaySettings


async def main(process: Process, settings: RelaySettings) -> None:
    """Stand by, and publish while leading."""
    relay, clock = settings.relay, process.clock
    async with postgres.pool(settings.postgres, application_name="finish-relay") as pool, process.parts() as parts:
        outbox = Outbox(pool, clock, relay, acquire_timeout_s=settings.postgres.acquire_timeout_s)
        relaying = Relaying(outbox, settings.kafka, relay)
        leadership = Leadership(settings.postgres, relay.lease, clock, relaying.wake)

        async def lead() -> NoReturn:
            async with asyncio.TaskGroup() as group:
                group.create_task(retention.run(pool, clock, relay.retention), name="retention")
                group.create_task(sends.run(pool, clock, relay.sends), name="sends")
                group.create_task(
                    watch_dead_letters(outbox, relay.letters_interval_s, relay.letters_max), name="letters"
                )
                await relaying.run(leadership)

        process.ready_when("database", partial(postgres.unreachable, pool))
        process.ready_when("publishing", relaying.interrupted)
        parts.start("age", watch_age(outbox, relay.age_interval_s))
        parts.start("leadership", leadership.run(lead))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m services.relay", description="Take the outbox into the log.")
    parser.add_argument("task", nargs="?", choices=["backfill"], help="enqueue a snapshot of every record, and end")
    run(backfill.run if parser.parse_args().task else main, load(RelaySettings))
