"""Forms as a browser sees them, and what a submission left in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
import orjson

from tests.integration.ingest.conftest import Door

URLENCODED = "application/x-www-form-urlencoded"
MAPPING = {"mail": "email", "firm": "company", "money": "budget", "colour": "colours", "role": "stage"}

Fields = Mapping[str, str | Sequence[str]] | Sequence[tuple[str, str]]


@dataclass
class Shown:
    """What the browser got."""

    status: int
    text: str
    headers: Mapping[str, str]


async def make_forms(database: asyncpg.Connection) -> None:
    """Make fields and forms: `contact` is mapped, `page` leads to another site, `open` is mapped to nothing."""
    await database.set_type_codec(
        "jsonb", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads, schema="pg_catalog"
    )
    await database.executemany(
        "INSERT INTO fields (name, type, label, options) VALUES ($1, $2, $1, $3)",
        [("budget", "number", []), ("colours", "multi", ["Red", "Green"]), ("stage", "picklist", ["New", "Old"])],
    )
    rows: list[tuple[str, str, str, dict[str, Any]]] = [
        ("contact", "form", "active", {"mapping": MAPPING, "success_message": "Thanks & bye"}),
        ("page", "form", "active", {"mapping": MAPPING, "success_url": "https://example.com/thanks"}),
        ("open", "form", "active", {}),
        ("old", "form", "archived", {}),
        ("gone", "form", "deleted", {}),
        ("link", "redirect_link", "active", {"target_url": "https://example.com/"}),
    ]
    await database.executemany(
        "INSERT INTO assets (id, kind, name, status, settings) VALUES ($1, $2, $1, $3, $4)", rows
    )
    await database.executemany(
        "INSERT INTO action_lists (asset_id, version, document) VALUES ($1, $2, '{}'::jsonb)",
        [("contact", 1), ("contact", 2), ("prospect", 1)],
    )


async def submit(
    door: Door, form_id: str, fields: Fields | bytes, content_type: str = URLENCODED, **headers: str
) -> Shown:
    """Post a form, or bytes as they are. Nothing is followed."""
    body = fields if isinstance(fields, bytes) else urlencode(fields, doseq=True).encode()
    async with door.session.post(
        f"{door.url}/s/{form_id}", data=body, headers={"Content-Type": content_type, **headers}, allow_redirects=False
    ) as answer:
        return Shown(answer.status, await answer.text(), answer.headers)


async def outbox(database: asyncpg.Connection) -> list[tuple[str, dict[str, Any]]]:
    """Return the kinds and records that wait for the relay, in order."""
    rows = await database.fetch("SELECT type, payload FROM outbox ORDER BY seq")
    return [(row["type"], row["payload"]) for row in rows]


def set_clock(file: Path, text: str) -> None:
    """Move a clock."""
    beside = file.with_suffix(".new")
    beside.write_text(text)
    beside.rename(file)
