"""The floor of the record executors: hand-written SQL over the same trigger, ledger and marks; nothing is read or checked."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson

from services.chassis.sql_files import load_sql

SQL: Final = load_sql(Path(__file__).with_name("hand_written.sql"))


async def settle(
    connection: asyncpg.Connection, executor: str, commands: Sequence[dict[str, Any]], batch_size: int
) -> None:
    """Carry out the commands, one transaction per `batch_size` of them, each of another prospect within a batch."""
    ledger = [
        (
            command["id"],
            command["uid"],
            command["prospect_id"],
            command["action_id"],
            command["type"],
            datetime.fromisoformat(command["recordedtime"]),
        )
        for command in commands
    ]
    effects = [(c["prospect_id"], c["order"], orjson.dumps(c["params"]).decode()) for c in commands]
    for start in range(0, len(commands), batch_size):
        part = slice(start, start + batch_size)
        async with connection.transaction():
            await connection.fetch(SQL["writer"])
            await connection.fetch(SQL["ledger"], *_columns(ledger[part]), executor)
            await connection.fetch(SQL[executor], *_columns(effects[part]))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
