"""Erasing: answered with the receipt when the log knows; again is the same receipt."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.chassis.failpoints import failpoint
from services.chassis.sql_files import load_sql
from services.console.bodies.erasures import Receipt
from services.console.erasure import SQL, erase, prepare
from services.console.metrics import ERASURES
from services.console.publications import SQL as OUTBOX
from services.console.publications import Publications
from services.console.refusals import not_found, prospect_id
from services.console.route import Call
from services.console.transactions import Database

PROSPECTS: Final = load_sql(Path(__file__).parents[1] / "sql" / "prospects.sql")


@dataclass(frozen=True, slots=True)
class Erasures:
    """DELETE /api/prospects/{id}, and the receipt that it leaves."""

    database: Database
    publications: Publications

    async def erase(self, call: Call[None, None]) -> Receipt:
        """Erase a prospect."""
        identity = prospect_id(call.path)
        async with self.database.transaction() as tx:
            await prepare(tx, identity)
            record = await tx.fetchrow(PROSPECTS["lock"], identity)
            if record is not None:
                await erase(tx, identity, version=record["version"], by=call.key.id, now=self.database.clock.now())
            receipt = await tx.fetchrow(SQL["receipt"], identity)
            if receipt is None:
                raise not_found("prospect")
            seqs = [waiting["seq"] for waiting in await tx.fetch(OUTBOX["unpublished_of"], str(identity))]
            failpoint("console.before-erase")
        failpoint("console.after-erase")
        if record is not None:
            ERASURES.inc()
        await self.publications.wait(seqs)
        return Receipt(**receipt)

    async def read(self, call: Call[None, None]) -> Receipt:
        """Read the receipt. 404: the prospect was not erased."""
        receipt = await self.database.row(SQL["receipt"], prospect_id(call.path))
        if receipt is None:
            raise not_found("erasure")
        return Receipt(**receipt)
