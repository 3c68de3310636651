"""Looks for a text in every row of every table, so that a promise to hold nothing needs no list of places."""

from services.chassis.postgres import Connection, Pool

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"


async def tables_with(connection: "Connection | Pool", text: str) -> dict[str, int]:
    """Return how many rows of which tables hold the text, as text, in JSON, in an array or in bytes."""
    found = {}
    for row in await connection.fetch(_TABLES):
        table = row["table_name"]
        columns = await connection.fetch(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = $1",
            table,
        )
        texts = [_as_text(column["column_name"], column["data_type"]) for column in columns]
        count = await connection.fetchval(
            f"SELECT count(*) FROM {table} WHERE position(lower($1) IN lower(concat_ws(' ', {', '.join(texts)}))) > 0",
            text,
        )
        if count:
            found[table] = count
    return found


def _as_text(column: str, data_type: str) -> str:
    return f"encode(\"{column}\", 'escape')" if data_type == "bytea" else f'"{column}"::text'
