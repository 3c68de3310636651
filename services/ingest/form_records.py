"""What a form's submission reads and writes in its transaction: the form's definition, the fields' types, the record.

All of it is read in that transaction and nothing from the definitions topic: a form needs the database in any case, so it
is accepted with the broker away, also by a process that has read no definition yet, and it is never behind a save.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from schemas.field_catalogue import BUILT_IN, Field
from schemas.triggers import PROSPECT_ASSET_ID
from services.chassis.errors import RetryableError
from services.chassis.json_body import invalid
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError, Problem
from services.chassis.sql_files import load_sql
from services.ingest import metrics
from services.ingest.identity import Address

SQL: Final = load_sql(Path(__file__).parent / "sql" / "forms.sql")


@dataclass(frozen=True, slots=True)
class Form:
    """A form that accepts. `versions` are the newest of its own list and of the record triggers'."""

    id: str
    settings: Mapping[str, Any]
    versions: Mapping[str, int]

    @property
    def source(self) -> str:
        """Who its interactions come from, and who changes the record when it is submitted."""
        return f"form:{self.id}"

    @property
    def mapping(self) -> Mapping[str, str]:
        """Which of its fields is which of the prospect's."""
        mapping: Mapping[str, str] = self.settings.get("mapping", {})
        return mapping

    def newest(self, asset_id: str) -> int:
        """Return the newest version of an asset's list, 0 when it has none."""
        return self.versions[asset_id]


async def read_form(connection: Connection, form_id: str) -> Form:
    """Return the form. Raises Problem 404 or 410."""
    row = await connection.fetchrow(SQL["form"], form_id, PROSPECT_ASSET_ID)
    if row is None or row["kind"] != "form":
        raise Problem(404, "not-found", "There is no such form")
    if row["status"] == "deleted":
        raise Problem(410, "gone", "This form has been deleted")
    versions = {form_id: row["version"], PROSPECT_ASSET_ID: row["prospect_version"]}
    return Form(form_id, row["settings"], versions)


async def read_catalogue(connection: Connection, form: Form) -> Mapping[str, Field]:
    """Return those of the catalogue's fields that the form is mapped to, by name."""
    targets = set(form.mapping.values())
    fields = {field.name: field for field in BUILT_IN if field.name in targets}
    if own := targets - fields.keys():
        for row in await connection.fetch(SQL["own_fields"], list(own)):
            fields[row["name"]] = Field(**{**row, "options": tuple(row["options"])})
    return fields


async def change_record(
    connection: Connection, address: Address, values: Mapping[str, Any], new_id: UUID | None = None
) -> UUID:
    """Bring the mapped values into the record of the address, created if there is none, as `new_id` where that is given; return
    its id. Raises Problem 422.

    The record stays locked, changed or not: what others write to it follows the submission in the log, too.
    """
    try:
        return await _changed(connection, address, values, new_id or uuid4())
    except asyncpg.CheckViolationError:
        raise invalid([FieldError("", "makes a record that is larger than 192 KiB")]) from None


async def _changed(connection: Connection, address: Address, values: Mapping[str, Any], new_id: UUID) -> UUID:
    row = await connection.fetchrow(SQL["lock"], address.text)
    if row is None:
        created: UUID | None = await connection.fetchval(SQL["create"], new_id, address.text, values)
        if created is not None:
            metrics.CREATED.inc()
            return created
        row = await connection.fetchrow(SQL["lock"], address.text)  # somebody was faster
        if row is None:
            raise RetryableError("the record was created and taken away meanwhile")
    changed = {name: value for name, value in values.items() if row["fields"].get(name) != value}
    if changed:
        await connection.execute(SQL["update"], row["id"], changed)
    prospect_id: UUID = row["id"]
    return prospect_id
