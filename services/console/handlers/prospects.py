"""Prospects: created, read and changed by clients; each change is answered when its snapshot is in the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from services.chassis.json_body import invalid
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError, Problem
from services.chassis.sql_files import load_sql
from services.console.bodies.prospects import Membership, NewProspect, Prospect, ProspectChanges
from services.console.catalogue import read_catalogue
from services.console.erasure import absent
from services.console.publications import SQL as OUTBOX
from services.console.publications import Publications
from services.console.record_values import RecordValues, merged, of_row, unknown_references
from services.console.refusals import not_found, prospect_id, refuse, require_version, taken
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "prospects.sql")


@dataclass(frozen=True, slots=True)
class Prospects:
    """The calls under /api/prospects."""

    database: Database
    publications: Publications

    async def create(self, call: Call[NewProspect, None]) -> Prospect:
        """Create a prospect. 409: the e-mail address is another one's."""
        async with self.database.record_change(f"api:{call.key.id}") as tx:
            values = await checked(tx, RecordValues(), call.body)
            row = await created(tx, uuid4(), values)
            seq = await tx.fetchval(OUTBOX["last_written"])
        await self.publications.wait([seq])
        return _prospect(row)

    async def read(self, call: Call[None, None]) -> Prospect:
        """Read a prospect."""
        identity = prospect_id(call.path)
        row = await self.database.row(SQL["read"], identity)
        if row is None:
            raise await absent(self.database.row, identity)
        return _prospect(row)

    async def change(self, call: Call[ProspectChanges, None]) -> Prospect:
        """Change a prospect; what changes nothing writes nothing, but is answered when the version is published, too."""
        identity = prospect_id(call.path)
        async with self.database.record_change(f"api:{call.key.id}") as tx:
            row = await tx.fetchrow(SQL["lock"], identity)
            if row is None:
                raise await absent(tx.fetchrow, identity)
            require_version(call.if_match, row["version"])
            old = of_row(row)
            values = await checked(tx, old, call.body)
            if values == old:
                seqs = [waiting["seq"] for waiting in await tx.fetch(OUTBOX["unpublished_of"], str(identity))]
            else:
                row = await updated(tx, identity, values)
                seqs = [await tx.fetchval(OUTBOX["last_written"])]
        await self.publications.wait(seqs)
        return _prospect(row)


async def checked(tx: Connection, old: RecordValues, body: NewProspect | ProspectChanges) -> RecordValues:
    """Return the values as a body has them. Raises Problem 422."""
    values, errors = merged(old, body, await read_catalogue(tx) if body.fields else {})
    refuse([*errors, *await unknown_references(tx, body)])
    return values


async def created(tx: Connection, identity: UUID, values: RecordValues) -> Row:
    """Create a record. Raises Problem 409 or 422."""
    with _refusals():
        row = await tx.fetchrow(SQL["create"], identity, *values.columns())
    if row is None:
        raise _email_taken()
    return row


async def updated(tx: Connection, identity: UUID, values: RecordValues) -> Row:
    """Change a record. Raises Problem 404, 409 or 422."""
    with _refusals():
        row = await tx.fetchrow(SQL["update"], identity, *values.columns())
    if row is None:
        raise not_found("prospect")
    return row


@contextmanager
def _refusals() -> Iterator[None]:
    """Answer what the database's constraints refuse."""
    try:
        yield
    except asyncpg.UniqueViolationError:
        raise _email_taken() from None
    except asyncpg.CheckViolationError:
        raise invalid([FieldError("", "makes a record that is larger than 192 KiB")]) from None


def _email_taken() -> Problem:
    return taken("/email", "is the address of another prospect")


def _prospect(row: Row) -> Prospect:
    memberships = [Membership(id=list_id, status=status) for list_id, status in sorted(row["lists"].items())]
    columns = {name: row[name] for name in Prospect.model_fields if name != "lists"}
    return Prospect(**columns, lists=memberships)
