"""One mapping in two languages: `core.text.key` is `text_key` of the database, character by character."""

import unicodedata

import asyncpg
import pytest

from core.text import key

CHARACTERS = [
    character
    for character in map(chr, range(1, 0x110000))
    if unicodedata.category(character)
    not in {"Cs", "Cn", "Co"}  # what newer tables of the other side may have assigned
]


@pytest.mark.parametrize("pattern", ["{}", " a{}\u0301\u03a3 ", "\u1100{}\u0327"])
async def test_python_and_the_database_compare_texts_alike(pattern: str, database_url: str) -> None:
    texts = [pattern.format(character) for character in CHARACTERS]
    connection = await asyncpg.connect(database_url)
    ordered = "SELECT array_agg(text_key(t) ORDER BY n) FROM unnest($1::text[]) WITH ORDINALITY AS given (t, n)"
    found = await connection.fetchval(ordered, texts)
    await connection.close()
    assert [(a, b) for a, b in zip(map(key, texts), found, strict=True) if a != b] == []
