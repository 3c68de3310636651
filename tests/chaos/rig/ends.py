"""What is looked for once, when all runs are over: what is left of the erased in any table, and of anybody in logs and metrics."""

from collections.abc import Collection, Iterator

import asyncpg

from tests.chaos.rig.stage import Stage
from tests.support.canaries import tables_with

_ERASED_MAX = 20
_DOMAIN = "@example.com"
"""Of every address that a client has given."""


async def leaks(stage: Stage, erased: Collection[str]) -> list[str]:
    """Return a sentence for each: I11 for addresses of the erased, I16 for the rest."""
    found = list(_in_logs(stage))
    for name, process in stage.processes.items():
        found += [f"I16 a metric of {name} names an address" for sample in await process.metrics() if _DOMAIN in sample]
    connection = await asyncpg.connect(stage.database_url, timeout=30, command_timeout=120)
    try:
        for email in list(erased)[:_ERASED_MAX]:
            places = await tables_with(connection, email)
            found += [
                f"I11 an address of an erased prospect is in {rows} rows of {table}" for table, rows in places.items()
            ]
    finally:
        await connection.close(timeout=30)
    return found


def _in_logs(stage: Stage) -> Iterator[str]:
    key = stage.work.headers["Authorization"].removeprefix("Bearer ")
    for name, process in stage.processes.items():
        for what, text in (("an address", _DOMAIN), ("the API key", key)):
            if text in process.log:
                yield f"I16 the log of {name} has {what}"
