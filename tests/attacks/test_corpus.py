"""Every attack of the corpus against a running ingest: answered as written, told nothing, and nothing is left but what may be."""

import ast
import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from schemas import topics
from services.chassis.settings import Kafka
from tests.attacks.corpus import CANARY, CORPUS, ELSEWHERE, POSTMARK, Attack, request, token
from tests.integration.ingest.conftest import PROSPECT, Door, action_list, add_keys, asset, opened, publish
from tests.integration.ingest.form_door import MAPPING, make_forms
from tests.integration.ingest.test_files import hosted
from tests.support.eventually import eventually
from tests.unit.ingest.test_feeds import TOPIC

ROOT = Path(__file__).parents[2]
LEAKS = (b"traceback", b"site-packages", b'.py"', b"asyncpg", b"select ", CANARY.encode(), b"/services/")
"""What no answer holds, whatever was sent."""


async def answer(door: Door, raw: bytes) -> bytes:
    """Return all that comes back until the connection ends, which may be before all was sent."""
    address = urlsplit(door.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, family=socket.AF_INET)
    got = b""
    try:
        async with asyncio.timeout(30):
            writer.write(raw)
            try:
                while chunk := await reader.read(65536):
                    got += chunk
            except ConnectionError:  # it was refused before its end
                return got
    finally:
        writer.close()
    return got


def findings(attack: Attack, got: bytes) -> list[str]:
    """Return what is wrong with an answer."""
    head, _, _ = got.partition(b"\r\n")
    status = int(head.split()[1]) if head.startswith(b"HTTP/1.") else 0
    wrong = [] if status in attack.statuses else [f"answered {status}, not {sorted(attack.statuses)}"]
    lower = got.lower()
    if attack.says not in lower:
        wrong.append(f"does not say {attack.says!r}")
    wrong += [f"tells {leak!r}" for leak in LEAKS if leak in lower]
    if got.count(b"HTTP/1.") > 1:
        wrong.append("is more than one answer")
    return [f"{attack.number}: {attack.what}: {each}" for each in wrong]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection of the test's own."""
    connection = await asyncpg.connect(database_url, timeout=10)
    yield connection
    await connection.close(timeout=10)


@pytest.fixture
async def stage(
    kafka_settings: Kafka, database_url: str, database: asyncpg.Connection, tmp_path: Path
) -> AsyncIterator[Door]:
    """Yield an ingest with an asset of every kind, a prospect, two feeds, and no wait for durability that could be missed."""
    await add_keys(database_url)
    await make_forms(database)
    await database.execute(
        "INSERT INTO assets (id, kind, name, settings) VALUES ('trap', 'form', 'T', $1), ('mail', 'list_email', 'M', '{}'::jsonb)",
        {"mapping": MAPPING, "honeypot": "website"},
    )
    await database.execute("INSERT INTO prospects (id, email) VALUES ($1, 'ann@example.org')", UUID(PROSPECT))
    await database.execute("DELETE FROM outbox")
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    (blobs / ("a" * 32)).write_bytes(b"<script>alert(1)</script>")
    await publish(
        kafka_settings,
        topics.DEFINITIONS,
        asset("prospect", "prospect"),
        asset("link", "redirect_link"),
        asset("gone", "redirect_link", "deleted"),
        asset("mail", "list_email"),
        asset("gone-mail", "list_email", "deleted"),
        hosted("file", b"<script>alert(1)</script>", "a" * 32),
        hosted("gone-file", b"x", "b" * 32, status="deleted"),
        action_list("link", "redirect_link", 1),
    )
    env: dict[str, Any] = {
        "FA_BLOBS__FOLDER": str(blobs),
        "FA_INGEST__FEEDS__POSTMARK_PASSWORD": POSTMARK.partition(":")[2],
        "FA_INGEST__FEEDS__SNS_TOPICS": TOPIC,
    }
    async with opened(kafka_settings, database_url, tmp_path, **env) as door:
        yield door


async def left(door: Door, database: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return the interactions in the log and in the outbox."""
    rows = await database.fetch("SELECT payload FROM outbox WHERE type = 'interaction'")
    return [document for _, document in await door.logged()] + [row["payload"] for row in rows]


@pytest.mark.parametrize("group", CORPUS)
async def test_every_attack_is_answered_as_written(stage: Door, database: asyncpg.Connection, group: str) -> None:
    attacks = CORPUS[group]()
    wrong = [found for attack in attacks for found in findings(attack, await answer(stage, attack.raw))]
    assert not wrong, "\n" + "\n".join(wrong)
    known = sum(attack.accepted for attack in attacks if attack.accepted > 0)
    unsure = sum(attack.accepted < 0 for attack in attacks)

    async def all_there() -> bool:
        kept = Counter(document["type"] for document in await left(stage, database))
        assert known <= kept.total() <= known + unsure, kept
        return True

    await eventually(all_there, 10, poll_s=0.5)
    for document in await left(stage, database):
        assert document["data"].get("ip", "127.0.0.1") in {"127.0.0.1", "203.0.113.7", "198.51.100.1"}
    link = await answer(stage, request("GET", f"/r/{token()}"))
    assert link.startswith(b"HTTP/1.1 302")
    assert await database.fetchval("SELECT count(*) FROM prospects WHERE score <> 0 OR owner IS NOT NULL") == 0
    log = stage.process.log_file.read_text()
    assert CANARY not in log
    assert '"level":"error"' not in log


def test_the_corpus_is_whole_and_its_cases_are_cases_of_their_own() -> None:
    attacks = [attack for group in CORPUS.values() for attack in group()]
    assert len(attacks) >= 200
    assert {attack.number for attack in attacks} | set(ELSEWHERE) == {*range(1, 63), 72}
    doubled = [key for key, count in Counter((a.number, a.what) for a in attacks).items() if count > 1]
    assert doubled == []


@pytest.mark.parametrize("number", ELSEWHERE)
def test_what_is_tested_elsewhere_is(number: int) -> None:
    file, name = ELSEWHERE[number]
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
