"""Confirmed opt-in: who gives a new address is nobody until the mail to it is answered."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from core.tokens import Token, issue, read_keys
from schemas.commands.command import Command
from services.chassis.settings import Kafka
from tests.integration.ingest.conftest import TOKEN_KEYS, Door, opened
from tests.integration.ingest.form_door import MAPPING, Shown, make_forms, outbox, set_clock, submit

NOON = "2026-03-02T12:00:00+00:00"
ADA = {"mail": "Ada@example.com", "firm": "Alder", "note": "hello"}


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    file = tmp_path / "clock"
    set_clock(file, NOON)
    return file


async def make_confirmed_forms(database: asyncpg.Connection) -> None:
    """Make two forms that ask."""
    await make_forms(database)
    for form_id in ("asks", "asks-too"):
        await database.execute(
            "INSERT INTO assets (id, kind, name, settings) VALUES ($1, 'form', 'F', $2)",
            form_id,
            {"mapping": MAPPING, "confirm": True},
        )


@pytest.fixture
async def forms(
    kafka_settings: Kafka, database_url: str, database: asyncpg.Connection, tmp_path: Path, clock: Path
) -> AsyncIterator[Door]:
    await make_confirmed_forms(database)
    more: dict[str, Any] = {"FA_CLOCK__FILE": str(clock), "FA_INGEST__CONFIRMATIONS_PER_HOUR": "3"}
    async with opened(kafka_settings, database_url, tmp_path, **more) as door:
        yield door


async def commands(database: asyncpg.Connection) -> list[Command]:
    """Return the mails that are commanded."""
    return [Command.model_validate(record) for kind, record in await outbox(database) if kind == "confirmation"]


async def accepted(database: asyncpg.Connection) -> list[dict[str, Any]]:
    return [record for kind, record in await outbox(database) if kind == "interaction"]


def token_of(command: Command, form_id: str = "asks") -> str:
    return issue(Token("confirm", form_id, command.params["submission"]), read_keys(TOKEN_KEYS))


async def confirm(door: Door, token: str, method: str = "POST") -> Shown:
    async with door.session.request(method, f"{door.url}/confirm/{token}") as answer:
        return Shown(answer.status, await answer.text(), answer.headers)


async def test_a_new_address_is_nobody_until_it_is_confirmed_and_then_what_it_sent_is_accepted(
    forms: Door, database: asyncpg.Connection, clock: Path
) -> None:
    shown = await submit(forms, "asks", ADA)
    assert (shown.status, "please confirm" in shown.text) == (200, True)
    assert await database.fetchval("SELECT count(*) FROM prospects") == 0
    (command,) = await commands(database)
    assert (command.type, command.asset_id, command.not_before) == ("confirm_address", "asks", None)
    assert "example.com" not in command.model_dump_json()
    assert await accepted(database) == []

    set_clock(clock, "2026-03-03T09:00:00+00:00")
    token = token_of(command)
    for method in ("GET", "HEAD"):
        assert (await confirm(forms, token, method)).status == 200
    assert await accepted(database) == []

    done = await confirm(forms, token)
    assert (done.status, done.headers["finish-interaction"]) == (200, shown.headers["finish-interaction"])
    kinds = [kind for kind, _ in await outbox(database)]
    assert kinds == ["confirmation", "snapshot", "snapshot", "interaction"]
    (interaction,) = await accepted(database)
    assert interaction["uid"] == shown.headers["finish-interaction"]
    assert (interaction["prospectid"], interaction["actionlistversion"]) == (str(command.prospect_id), 0)
    assert interaction["data"]["form"] == ADA
    assert (interaction["time"][:10], interaction["recordedtime"][:10]) == ("2026-03-02", "2026-03-03")
    record = await database.fetchrow("SELECT id, email, consent, fields FROM prospects")
    assert record is not None
    assert tuple(record) == (command.prospect_id, "Ada@example.com", "granted", {"company": "Alder"})

    again = await confirm(forms, token)
    assert (again.status, "finish-interaction" in again.headers) == (200, False)
    assert len(await accepted(database)) == 1


async def test_who_is_known_is_asked_nothing_and_sees_the_same_page(forms: Door, database: asyncpg.Connection) -> None:
    await database.execute("INSERT INTO prospects (id, email) VALUES ($1, 'ADA@example.com')", UUID(int=1))
    known, unknown = await submit(forms, "asks", ADA), await submit(forms, "asks", {"mail": "ben@example.com"})
    assert (known.status, known.text, set(known.headers)) == (unknown.status, unknown.text, set(unknown.headers))
    assert [each["prospectid"] for each in await accepted(database)] == [str(UUID(int=1))]
    assert len(await commands(database)) == 1


async def test_who_gives_no_address_is_accepted_as_anybody(forms: Door, database: asyncpg.Connection) -> None:
    assert (await submit(forms, "asks", {"firm": "Alder"})).status == 200
    assert (len(await accepted(database)), await commands(database)) == (1, [])


async def test_one_mail_a_day_asks_for_all_of_an_address_and_its_answer_takes_in_all(
    forms: Door, database: asyncpg.Connection, clock: Path
) -> None:
    first = await submit(forms, "asks", ADA)
    set_clock(clock, "2026-03-02T12:00:01+00:00")
    second = await submit(forms, "asks-too", {"mail": " ada@EXAMPLE.com", "firm": "Birch"})
    (command,) = await commands(database)
    await confirm(forms, token_of(command))
    assert [each["uid"] for each in await accepted(database)] == [
        shown.headers["finish-interaction"] for shown in (first, second)
    ]
    assert [tuple(row) for row in await database.fetch("SELECT email, fields FROM prospects")] == [
        ("Ada@example.com", {"company": "Birch"})
    ]


async def test_after_a_day_it_is_asked_again(forms: Door, database: asyncpg.Connection, clock: Path) -> None:
    await submit(forms, "asks", ADA)
    set_clock(clock, "2026-03-03T11:59:59+00:00")
    await submit(forms, "asks", ADA)
    assert len(await commands(database)) == 1
    set_clock(clock, "2026-03-03T12:00:00+00:00")
    await submit(forms, "asks", ADA)
    first, second = await commands(database)
    assert first.prospect_id == second.prospect_id
    await confirm(forms, token_of(second))
    assert len(await accepted(database)) == 3


async def test_mails_of_a_form_beyond_its_hours_bound_leave_later_and_other_forms_go_on(
    forms: Door, database: asyncpg.Connection
) -> None:
    shown = await asyncio.gather(*(submit(forms, "asks", {"mail": f"v{n}@example.com"}) for n in range(8)))
    assert {each.status for each in shown} == {200}
    await submit(forms, "asks-too", {"mail": "other@example.com"})
    due = sorted(
        str(command.not_before)[11:16] if command.not_before else "now" for command in await commands(database)
    )
    assert due == ["13:00"] * 3 + ["14:00"] * 2 + ["now"] * 4


async def test_a_confirmation_twice_at_once_is_one(forms: Door, database: asyncpg.Connection) -> None:
    await submit(forms, "asks", ADA)
    (command,) = await commands(database)
    shown = await asyncio.gather(*(confirm(forms, token_of(command)) for _ in range(8)))
    assert {each.status for each in shown} == {200}
    assert sum("finish-interaction" in each.headers for each in shown) == 1
    assert len(await accepted(database)) == 1


async def test_what_is_no_token_of_it_confirms_nothing(forms: Door, database: asyncpg.Connection) -> None:
    await submit(forms, "asks", ADA)
    (command,) = await commands(database)
    token, keys = token_of(command), read_keys(TOKEN_KEYS)
    for wrong in (
        token[:-1],
        "",
        "x",
        issue(Token("unsubscribe", "asks", command.params["submission"]), keys),
        issue(Token("form", "asks", command.params["submission"]), keys),
    ):
        assert (await confirm(forms, wrong)).status == 404
    assert (await confirm(forms, issue(Token("confirm", "asks", "no uuid"), keys))).status == 200
    assert (await confirm(forms, token, "PUT")).status == 405
    assert await accepted(database) == []


async def test_what_is_held_of_a_deleted_form_is_nothing_any_more(forms: Door, database: asyncpg.Connection) -> None:
    await submit(forms, "asks", ADA)
    (command,) = await commands(database)
    await database.execute("UPDATE assets SET status = 'deleted' WHERE id = 'asks'")
    assert (await confirm(forms, token_of(command))).status == 200
    assert await accepted(database) == []
    assert await database.fetchval("SELECT count(*) FROM held_submissions") == 0


async def test_who_has_left_meanwhile_is_not_brought_back(forms: Door, database: asyncpg.Connection) -> None:
    await submit(forms, "asks", ADA)
    (command,) = await commands(database)
    await database.execute(
        "INSERT INTO prospects (id, email, consent) VALUES ($1, 'ada@example.com', 'unsubscribed')", UUID(int=1)
    )
    await confirm(forms, token_of(command))
    assert await database.fetchval("SELECT consent FROM prospects") == "unsubscribed"
    assert [each["prospectid"] for each in await accepted(database)] == [str(UUID(int=1))]


@pytest.mark.parametrize(
    ("failpoint", "kept"), [("ingest.after-held", 0), ("ingest.before-commit", 0), ("ingest.after-commit", 1)]
)
async def test_killed_while_it_is_held_both_the_submission_and_its_mail_are_there_or_neither(
    kafka_settings: Kafka, database_url: str, database: asyncpg.Connection, tmp_path: Path, failpoint: str, kept: int
) -> None:
    await make_confirmed_forms(database)
    async with opened(kafka_settings, database_url, tmp_path, FA_FAIL=f"{failpoint}:1:kill") as dying:
        with pytest.raises(aiohttp.ClientError):
            await submit(dying, "asks", ADA)
    assert len(await commands(database)) == kept
    assert await database.fetchval("SELECT count(*) FROM held_submissions") == kept


@pytest.mark.parametrize("failpoint", ["ingest.after-confirmed", "ingest.before-commit", "ingest.after-commit"])
async def test_killed_while_it_is_confirmed_it_is_accepted_once(
    kafka_settings: Kafka, database_url: str, database: asyncpg.Connection, tmp_path: Path, failpoint: str
) -> None:
    await make_confirmed_forms(database)
    async with opened(kafka_settings, database_url, tmp_path) as door:
        await submit(door, "asks", ADA)
    (command,) = await commands(database)
    async with opened(kafka_settings, database_url, tmp_path, FA_FAIL=f"{failpoint}:1:kill") as dying:
        with pytest.raises(aiohttp.ClientError):
            await confirm(dying, token_of(command))
    assert len(await accepted(database)) == (failpoint == "ingest.after-commit")
    async with opened(kafka_settings, database_url, tmp_path) as door:
        assert (await confirm(door, token_of(command))).status == 200
    assert len(await accepted(database)) == 1
