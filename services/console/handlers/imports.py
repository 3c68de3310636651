"""Import: many prospects in one transaction, each judged by itself; answered when all of it is in the log."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from services.chassis.json_body import invalid
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError, Problem
from services.chassis.sql_files import load_sql
from services.console.bodies.imports import Import, Imported, ImportedProspect, ImportResult
from services.console.handlers.prospects import checked, created, updated
from services.console.publications import SQL as OUTBOX
from services.console.publications import Publications
from services.console.record_values import RecordValues, of_row
from services.console.route import Call
from services.console.transactions import Database

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "imports.sql")
_SILENT: Final = "import"
"""Whose changes raise no triggers."""


@dataclass(frozen=True, slots=True)
class Imports:
    """The call under /api/import."""

    database: Database
    publications: Publications

    async def bring_in(self, call: Call[Import, None]) -> Imported:
        """Create and change prospects."""
        body = call.body
        results = []
        async with self.database.record_change(f"api:{call.key.id}" if body.fire else _SILENT) as tx:
            for place, each in enumerate(body.prospects):
                results.append(await _one(tx, each, place, skip=body.on_existing == "skip"))
            wrote = any(result.outcome in ("created", "updated") for result in results)
            seqs = [await tx.fetchval(OUTBOX["last_written"])] if wrote else []
        await self.publications.wait(seqs)
        return Imported(results=results)


async def _one(tx: Connection, body: ImportedProspect, place: int, *, skip: bool) -> ImportResult:
    """Bring one in; what is wrong with it undoes it alone."""
    try:
        async with tx.transaction():
            return await _brought_in(tx, body, skip=skip)
    except Problem as problem:
        at = f"/prospects/{place}"
        errors = [replace(error, pointer=at + error.pointer) for error in problem.errors] or [
            FieldError(at, problem.title)
        ]
        return ImportResult(outcome="refused", errors=errors)


async def _brought_in(tx: Connection, body: ImportedProspect, *, skip: bool) -> ImportResult:
    if body.external_id is None and body.email is None:
        raise invalid([FieldError("", "names nobody: external_id or email is needed")])
    row = await tx.fetchrow(SQL["known"], body.external_id, body.email)
    if row is not None and skip:
        return ImportResult(outcome="skipped", id=row["id"])
    if row is None:
        made = await created(tx, uuid4(), await checked(tx, RecordValues(), body))
        await _bind(tx, body, made["id"])
        return ImportResult(outcome="created", id=made["id"])
    old = of_row(row)
    values = await checked(tx, old, body)
    await _bind(tx, body, row["id"])
    if values == old:
        return ImportResult(outcome="unchanged", id=row["id"])
    await updated(tx, row["id"], values)
    return ImportResult(outcome="updated", id=row["id"])


async def _bind(tx: Connection, body: ImportedProspect, prospect_id: UUID) -> None:
    if body.external_id is not None and await tx.fetchval(SQL["bind"], body.external_id, prospect_id) is None:
        raise invalid([FieldError("/external_id", "is the id of another prospect")])
