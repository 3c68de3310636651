"""Which action types are paused, asked of the database again and again. While it is away, what was known last holds;
until it has answered once, everything counts as paused, so that no start overlooks a pause."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Final, NoReturn

import structlog

from services.chassis.errors import RetryableError
from services.chassis.postgres import Pool
from services.chassis.sql_files import load_sql
from services.executors.adapters.ledger import translated_patiently

SQL: Final = load_sql(Path(__file__).parent / "sql" / "pauses.sql")

log = structlog.get_logger()


class Pauses:
    """What is paused, as far as this process knows. `watch` must be running."""

    def __init__(self, pool: Pool, *, poll_s: float, acquire_timeout_s: float) -> None:
        self._pool, self._poll_s, self._acquire_timeout_s = pool, poll_s, acquire_timeout_s
        self._types: frozenset[str] | None = None

    def any_of(self, action_types: Collection[str]) -> bool:
        """Tell whether one of these types is paused."""
        return self._types is None or not self._types.isdisjoint(action_types)

    async def watch(self) -> NoReturn:
        """Ask for ever."""
        while True:
            try:
                self._note(await self._read())
            except RetryableError as exc:
                log.warning("pauses_unread", reason=exc.reason)
            await asyncio.sleep(self._poll_s)

    async def _read(self) -> frozenset[str]:
        with translated_patiently():
            async with self._pool.acquire(timeout=self._acquire_timeout_s) as connection:
                return frozenset(row["target"] for row in await connection.fetch(SQL["types"]))

    def _note(self, types: frozenset[str]) -> None:
        if types != self._types:
            log.info("pauses_changed", types=sorted(types))
        self._types = types
