"""Prospects by e-mail address: looked up, or created in one transaction with the interactions that named them."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from services.chassis.errors import RetryableError
from services.chassis.postgres import Connection, Pool, translated
from services.chassis.sql_files import load_sql
from services.ingest import metrics
from services.ingest.consents import bring_in
from services.ingest.identity import Address, Identifier, Named
from services.ingest.stamping import Stamped
from services.ingest.transactions import enqueue, name_writer, transaction

SQL: Final = load_sql(Path(__file__).parent / "sql" / "prospects.sql")
IDENTITIES: Final = load_sql(Path(__file__).parent / "sql" / "identities.sql")
_LOOK_EVERY_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Found:
    """A prospect. `waiting`: its first snapshot or interactions of it are in the outbox still."""

    id: str
    waiting: bool


class Enrolment:
    """A transaction in which prospects are created and interactions put into the outbox behind them."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection, self._now = connection, now

    async def prospect(self, named: Named, source: str) -> str:
        """Return the prospect that is named, created by this source unless somebody was faster."""
        await name_writer(self._connection, f"ingest:{source}", self._now)
        if isinstance(named, Identifier):
            return await self._identified(named)
        while (created := await self._connection.fetchval(SQL["create"], uuid4(), named.text)) is None:
            if row := await self._connection.fetchrow(SQL["find"], [named.text]):
                return str(row["id"])  # otherwise it was erased between the two statements
        metrics.CREATED.inc()
        return str(created)

    async def _identified(self, named: Identifier) -> str:
        """Create one that is known by an id alone. Who is slower waits for the id, and takes the other's."""
        created = uuid4()
        await self._connection.execute(SQL["create"], created, None)
        bound = await self._connection.fetchval(IDENTITIES["bind_external"], named.text, created, self._now)
        if bound is None:
            raise RetryableError("somebody else has made this prospect at this moment")
        metrics.CREATED.inc()
        return str(created)

    async def lock(self, prospect_ids: Collection[UUID]) -> None:
        """Lock these records, in the order that all do."""
        await self._connection.execute(SQL["lock"], list(prospect_ids))

    async def consent(self, prospect_id: UUID, source: str, kind: str, data: Mapping[str, Any]) -> None:
        """Bring what an interaction says of consent into the record, if there is one."""
        await name_writer(self._connection, f"ingest:{source}", self._now)
        await bring_in(self._connection, prospect_id, kind, data)

    async def enqueue(self, interactions: Sequence[Stamped]) -> None:
        """Put interactions into the outbox, in order."""
        await enqueue(self._connection, interactions)


class Prospects:
    """The prospects of the database. Every call raises RetryableError while it is away or slow."""

    def __init__(self, pool: Pool, *, timeout_s: float) -> None:
        self._pool, self._timeout_s = pool, timeout_s

    async def find(self, named: Iterable[Named]) -> dict[str, Found]:
        """Return those that exist, by the keys of what names them."""
        texts = {each.key: each.text for each in named if isinstance(each, Address)}
        ids = {each.key: each for each in named if isinstance(each, Identifier)}
        found: dict[str, Found] = {}
        with translated():
            async with asyncio.timeout(self._timeout_s):
                if texts:
                    for row in await self._pool.fetch(SQL["find"], list(texts.values())):
                        found[Address(row["email"]).key] = Found(str(row["id"]), row["waiting"])
                if ids:
                    asked = [each.kind for each in ids.values()], [each.text for each in ids.values()]
                    for row in await self._pool.fetch(IDENTITIES["find"], *asked):
                        found[Identifier(row["kind"], row["value"]).key] = Found(str(row["id"]), row["waiting"])
        return found

    async def published(self, prospect_ids: Collection[str], timeout_s: float) -> None:
        """Return once nothing of these waits in the outbox, or the time is over: what its client posts next goes behind it."""
        with suppress(TimeoutError, RetryableError), translated():
            async with asyncio.timeout(timeout_s):
                while await self._pool.fetchval(SQL["waiting"], list(prospect_ids)):  # noqa: ASYNC110 - another process's rows
                    await asyncio.sleep(_LOOK_EVERY_S)

    @asynccontextmanager
    async def enrolment(self, now: datetime) -> AsyncIterator[Enrolment]:
        """Open a transaction; it is durable when the context has ended."""
        async with transaction(self._pool, timeout_s=self._timeout_s) as connection:
            yield Enrolment(connection, now)
