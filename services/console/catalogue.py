"""The workspace's field catalogue: the built-in fields and its own, as the checks want them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from schemas.field_catalogue import BUILT_IN, Field
from services.chassis.postgres import Connection
from services.chassis.sql_files import load_sql

SQL: Final = load_sql(Path(__file__).parent / "sql" / "catalogue.sql")


async def read_catalogue(connection: Connection) -> Mapping[str, Field]:
    """Return every field by its name, the built-in ones first."""
    fields = {field.name: field for field in BUILT_IN}
    for row in await connection.fetch(SQL["own_fields"]):
        fields[row["name"]] = Field(
            name=row["name"],
            type=row["type"],
            label=row["label"],
            options=tuple(row["options"]),
            personal=row["personal"],
        )
    return fields
