"""Writes parts of a function's answer to fields, as another writer's change that carries the depth of its cause."""

from collections.abc import Mapping
from typing import Any, Final

from core.field_values import stored
from schemas.commands.command import Command
from schemas.field_catalogue import BUILT_IN
from services.chassis.postgres import Connection
from services.chassis.sql_files import load_sql
from services.executors.adapters.ledger import FOLDER

SQL: Final = load_sql(FOLDER / "answers.sql")

WRITER: Final = "lambda"
_OURS: Final = ("executor", "", "")


async def write_answer(connection: Connection, command: Command, writes: Mapping[str, Any]) -> str | None:
    """Set these fields of the command's prospect within the open transaction; return what could not be set, by its names.

    A value of another type than its field's is left out; null clears a field.
    """
    row = await connection.fetchrow(SQL["lock"], command.prospect_id)
    if row is None:
        return None
    types = {field.name: (field.type, field.options) for field in BUILT_IN}
    types |= {each["name"]: (each["type"], each["options"]) for each in await connection.fetch(SQL["own_fields"])}
    fields: dict[str, Any] = dict(row["fields"])
    refused = []
    for name, value in writes.items():
        if name not in types:
            refused.append(name)
        elif value is None:
            fields.pop(name, None)
        else:
            try:
                fields[name] = stored(types[name][0], value, types[name][1])
            except ValueError:
                refused.append(name)
    if fields != row["fields"]:
        await connection.fetch(SQL["as"], WRITER, str(command.depth + 1), str(command.uid))
        await connection.execute(SQL["write"], command.prospect_id, fields)
        await connection.fetch(SQL["as"], *_OURS)
    return f"its answer does not fit: {', '.join(sorted(refused))}"[:500] if refused else None
