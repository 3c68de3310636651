"""What forms ask of a submission: multipart without files, a nonce for each, a field that stays empty, a time to fill it in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest

from core.tokens import Token, issue, read_keys
from services.chassis.settings import Kafka
from tests.integration.ingest.conftest import TOKEN_KEYS, Door, opened
from tests.integration.ingest.form_door import MAPPING, Fields, Shown, make_forms, outbox, set_clock, submit

ADA = {"mail": "ada@example.com", "firm": "Alder"}
NOON = "2026-03-02T12:00:00+00:00"


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    file = tmp_path / "clock"
    set_clock(file, NOON)
    return file


@pytest.fixture
async def forms(
    kafka_settings: Kafka, database_url: str, database: asyncpg.Connection, tmp_path: Path, clock: Path
) -> AsyncIterator[Door]:
    await make_forms(database)
    for form_id, settings in (
        ("trap", {"honeypot": "website"}),
        ("slow", {"min_seconds": 5}),
        ("once", {"nonce": True, "success_url": "https://example.com/thanks"}),
    ):
        await database.execute(
            "INSERT INTO assets (id, kind, name, settings) VALUES ($1, 'form', 'F', $2)",
            form_id,
            {"mapping": MAPPING, **settings},
        )
    async with opened(kafka_settings, database_url, tmp_path, FA_CLOCK__FILE=str(clock)) as door:
        yield door


async def nonce(door: Door, form_id: str) -> str:
    async with door.session.get(f"{door.url}/s/{form_id}/nonce") as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
        told = await answer.json()
    assert (told["field"], told["expires_in"]) == ("finish-nonce", 7200)
    return str(told["nonce"])


async def count(database: asyncpg.Connection) -> tuple[int, int]:
    """Return how many interactions wait and how many attempts are counted."""
    attempts = await database.fetchval("SELECT coalesce(sum(cardinality(times_ms)), 0) FROM spam_windows")
    return sum(kind == "interaction" for kind, _ in await outbox(database)), int(attempts)


async def post(door: Door, form_id: str, body: bytes, content_type: str) -> Shown:
    return await submit(door, form_id, body, content_type)


# nonces ---------------------------------------------------------------------------------------------------------------


async def test_a_nonce_stands_for_one_submission_however_often_it_is_sent(
    forms: Door, database: asyncpg.Connection
) -> None:
    fields: Fields = {**ADA, "finish-nonce": await nonce(forms, "once")}
    first = await submit(forms, "once", fields)
    assert (first.status, first.headers["Location"]) == (303, "https://example.com/thanks")
    again = await asyncio.gather(*(submit(forms, "once", fields) for _ in range(9)))
    assert {(shown.status, shown.headers["finish-interaction"]) for shown in again} == {
        (303, first.headers["finish-interaction"])
    }
    assert await count(database) == (1, 1)
    (*_, (_, document)) = await outbox(database)
    assert document["uid"] == first.headers["finish-interaction"]
    assert document["data"]["form"] == ADA


async def test_one_that_is_sent_many_times_at_once_is_one(forms: Door, database: asyncpg.Connection) -> None:
    fields: Fields = {**ADA, "finish-nonce": await nonce(forms, "once")}
    shown = await asyncio.gather(*(submit(forms, "once", fields) for _ in range(10)))
    assert {each.status for each in shown} == {303}
    assert len({each.headers["finish-interaction"] for each in shown}) == 1
    assert await count(database) == (1, 1)


async def test_a_nonce_of_another_form_or_that_is_over_or_none_is_refused_by_name(
    forms: Door, database: asyncpg.Connection, clock: Path
) -> None:
    mine, keys = await nonce(forms, "once"), read_keys(TOKEN_KEYS)
    for given in (
        None,
        "",
        mine[:-1],
        await nonce(forms, "slow"),
        issue(Token("link", "once", str(uuid4()), ("1772452800",)), keys),
        issue(Token("form", "once", "no uuid", ("1772452800",)), keys),
        issue(Token("form", "once", str(uuid4()), ("soon",)), keys),
        issue(Token("form", "once", str(uuid4())), keys),
        issue(Token("form", "once", str(uuid4()), ("1772460000",)), keys),  # two hours ahead
    ):
        shown = await submit(forms, "once", ADA if given is None else {**ADA, "finish-nonce": given})
        assert shown.status == 422, given
        assert [error["pointer"] for error in orjson.loads(shown.text)["errors"]] == ["/finish-nonce"]
    set_clock(clock, "2026-03-02T14:00:01+00:00")
    assert (await submit(forms, "once", {**ADA, "finish-nonce": mine})).status == 422
    assert await count(database) == (0, 0)


async def test_spam_uses_up_no_nonce(forms: Door, database: asyncpg.Connection, clock: Path) -> None:
    nonces = [await nonce(forms, "once") for _ in range(5)]
    statuses = [(await submit(forms, "once", {**ADA, "finish-nonce": each})).status for each in nonces]
    assert statuses == [303] * 4 + [500]
    set_clock(clock, "2026-03-02T12:10:00+00:00")
    assert (await submit(forms, "once", {**ADA, "finish-nonce": nonces[-1]})).status == 303


# machines -------------------------------------------------------------------------------------------------------------


async def test_who_fills_in_what_nobody_sees_is_told_that_all_is_well_and_nothing_happens(
    forms: Door, database: asyncpg.Connection
) -> None:
    shown = await submit(forms, "trap", {**ADA, "website": "https://spam.example"})
    assert (shown.status, "finish-interaction" in shown.headers) == (200, False)
    assert await count(database) == (0, 0)
    assert await database.fetchval("SELECT count(*) FROM prospects") == 0
    person = await submit(forms, "trap", {**ADA, "website": ""})
    assert shown.text == person.text
    (*_, (_, document)) = await outbox(database)
    assert document["data"]["form"] == ADA


async def test_who_is_quicker_than_anybody_can_be_is_too(
    forms: Door, database: asyncpg.Connection, clock: Path
) -> None:
    fields: Fields = {**ADA, "finish-nonce": await nonce(forms, "slow")}
    set_clock(clock, "2026-03-02T12:00:04+00:00")
    assert (await submit(forms, "slow", fields)).status == 200
    assert await count(database) == (0, 0)
    set_clock(clock, "2026-03-02T12:00:05+00:00")
    assert (await submit(forms, "slow", fields)).status == 200
    assert await count(database) == (1, 1)
    assert (await submit(forms, "slow", ADA)).status == 422


# multipart ------------------------------------------------------------------------------------------------------------


async def test_multipart_is_read_as_urlencoded_is(forms: Door, database: asyncpg.Connection) -> None:
    sent = (
        ("mail", "ada@example.com"),
        ("firm", "Älder & Söhne"),
        ("colour", "Red"),
        ("colour", "Green"),
        ("größe", "\r\n"),
    )
    body = (
        b"".join(part(f'Content-Disposition: form-data; name="{name}"', value) for name, value in sent) + b"--b--\r\n"
    )
    assert (await post(forms, "contact", body, "multipart/form-data; boundary=b")).status == 200
    (*_, (_, document)) = await outbox(database)
    assert document["data"]["form"] == {
        "mail": "ada@example.com",
        "firm": "Älder & Söhne",
        "colour": ["Red", "Green"],
        "größe": "\r\n",
    }
    assert await database.fetchval("SELECT fields ->> 'company' FROM prospects") == "Älder & Söhne"


def part(headers: str, body: str = "x") -> bytes:
    return f"--b\r\n{headers}\r\n\r\n{body}\r\n".encode()


FIELD = 'Content-Disposition: form-data; name="mail"'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (part(FIELD + '; filename="a.txt"') + b"--b--\r\n", 415),
        (part(FIELD + '; filename=""', "content") + b"--b--\r\n", 415),
        (part(FIELD + '; filename=""', "") + part(FIELD, "a@example.com") + b"--b--\r\n", 200),
        (part("Content-Disposition: form-data") + b"--b--\r\n", 400),
        (part(FIELD + "\r\nContent-Transfer-Encoding: base64") + b"--b--\r\n", 400),
        (part('Content-Type: multipart/mixed; boundary="c"') + b"--b--\r\n", 400),
        (b"--b\r\n" + FIELD.encode() + b"\r\n\r\n\xff\xfe\r\n--b--\r\n", 400),
        (part(FIELD, "a\0b") + b"--b--\r\n", 400),
        (part(FIELD) * 201 + b"--b--\r\n", 400),
        (part(f'Content-Disposition: form-data; name="{"n" * 201}"') + b"--b--\r\n", 400),
        (part(f"X: {'n' * 20000}") + b"--b--\r\n", 400),
        (b"nothing at all", 400),
        (b"", 400),
        (b"--b", 400),
        (part(FIELD), 400),
        (b"x" * 70_000, 413),
    ],
)
async def test_what_is_no_plain_multipart_is_refused(
    forms: Door, database: asyncpg.Connection, body: bytes, status: int
) -> None:
    assert (await post(forms, "contact", body, "multipart/form-data; boundary=b")).status == status
    assert (await count(database))[0] == (1 if status == 200 else 0)


async def test_a_multipart_without_a_boundary_or_a_length_is_refused(forms: Door) -> None:
    assert (await post(forms, "contact", part(FIELD), "multipart/form-data")).status == 400

    async def chunks() -> AsyncIterator[bytes]:
        yield part(FIELD) + b"--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    async with forms.session.post(f"{forms.url}/s/contact", data=chunks(), headers=headers) as answer:
        assert answer.status == 411


# answers --------------------------------------------------------------------------------------------------------------


async def test_a_person_is_shown_what_is_wrong_by_the_fields_name_and_nothing_that_was_sent(forms: Door) -> None:
    shown = await submit(forms, "contact", {"mail": "<script>", "money": "<b>"}, Accept="text/html,*/*;q=0.8")
    assert shown.status == 422
    assert shown.headers["Content-Type"].startswith("text/html")
    assert "mail is not an e-mail address" in shown.text
    assert "money" in shown.text
    assert "&lt;" not in shown.text
    assert "<script>" not in shown.text
    other: dict[str, Any] = orjson.loads((await submit(forms, "contact", {"mail": "x"})).text)
    assert other["errors"][0]["pointer"] == "/mail"
