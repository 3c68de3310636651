"""`python -m services.console`: the API, with history in the same process; `python -m services.console history`: it alone."""

import sys

from services.blobs.opening import blobs
from services.chassis import postgres
from services.chassis.api_keys import ApiKeys
from services.chassis.listener import Listener
from services.chassis.process import Parts, Process, run
from services.chassis.settings import load
from services.console.app import application
from services.console.handlers.webhooks import Webhooks
from services.console.history.consumer import HistoryConsumer
from services.console.publications import Publications
from services.console.routes import routes
from services.console.settings import ConsoleSettings, HistorySettings
from services.console.transactions import Database
from services.outbound.calling import caller


async def main(process: Process, settings: ConsoleSettings) -> None:
    """Serve the API."""
    console = settings.console
    async with (
        postgres.pool(settings.postgres, application_name="console") as pool,
        caller(settings.webhook) as http,
        blobs(settings.blobs) as store,
    ):
        database = Database(pool, process.clock, settings.postgres.acquire_timeout_s)
        publications = Publications(pool, console)
        webhooks = Webhooks(database, http, settings.webhook)
        table = routes(database, publications, console, settings.tokens.read(), webhooks, store)
        app = application(table, ApiKeys(pool, process.clock, console.keys), console)
        listener = Listener(app, console)
        process.ready_when("database", lambda: postgres.unreachable(pool))
        process.ready_when("api", listener.unready)
        async with process.parts() as parts:
            parts.start("publications", publications.watch())
            if console.history:
                start_history(parts, HistoryConsumer(settings.kafka, console.reading, database))
            parts.start_draining("api", listener.serve(process.stopping))


async def history(process: Process, settings: HistorySettings) -> None:
    """Keep history."""
    async with postgres.pool(settings.postgres, application_name="history") as pool:
        database = Database(pool, process.clock, settings.postgres.acquire_timeout_s)
        consumer = HistoryConsumer(settings.kafka, settings.console.reading, database)
        process.ready_when("database", lambda: postgres.unreachable(pool))
        process.ready_when("history", consumer.unready)
        async with process.parts() as parts:
            start_history(parts, consumer)


def start_history(parts: Parts, consumer: HistoryConsumer) -> None:
    """Let history be kept, and its lag be told."""
    parts.start("history", consumer.run())
    parts.start("history-lag", consumer.measure_lag())


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            run(main, load(ConsoleSettings))
        case ["history"]:
            run(history, load(HistorySettings))
        case _:
            sys.exit("usage: python -m services.console [history]")
