"""`POST /s/{form_id}`: what it accepts, what becomes of the record, and what it refuses."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg
import pytest

from schemas.interactions import Interaction
from services.chassis.settings import Kafka
from tests.integration.ingest.conftest import Door, opened
from tests.integration.ingest.form_door import Fields, make_forms, outbox, submit

ADA = {"mail": " Ada@Example.com ", "firm": "Alder"}


@pytest.fixture
async def forms(
    kafka_settings: Kafka, database_url: str, database: asyncpg.Connection, tmp_path: Path
) -> AsyncIterator[Door]:
    """Yield a running ingest with forms; it takes any number of submissions."""
    await make_forms(database)
    async with opened(kafka_settings, database_url, tmp_path, FA_INGEST__SPAM__ATTEMPTS="1000") as door:
        yield door


async def test_a_submission_makes_a_prospect_with_its_values_and_an_interaction_behind_the_snapshot(
    forms: Door, database: asyncpg.Connection
) -> None:
    fields = {**ADA, "money": "50.5", "colour": ["green", "red"], "role": "old", "remark": "<script>=1+1</script>"}
    shown = await submit(forms, "contact", fields, **{"User-Agent": "Browser", "Referer": "https://e.example/c"})
    assert (shown.status, "<p>Thanks &amp; bye</p>" in shown.text) == (200, True)
    (first, snapshot), (second, document) = await outbox(database)
    assert (first, second) == ("snapshot", "interaction")
    prospect = await database.fetchrow("SELECT * FROM prospects")
    assert prospect is not None
    assert (prospect["email"], prospect["version"], prospect["score"]) == ("Ada@Example.com", 1, 0)
    assert prospect["fields"] == {"company": "Alder", "budget": 50.5, "colours": ["Green", "Red"], "stage": "Old"}
    assert snapshot["data"]["change"] == {"before": None, "by": "form:contact", "depth": 0, "causedby": None}
    interaction = Interaction.model_validate(document)
    assert (interaction.type, interaction.source, interaction.subject) == ("form.submitted", "form:contact", "contact")
    assert (interaction.actionlistversion, interaction.prospectlistversion) == (2, 1)
    assert interaction.prospectid == str(prospect["id"]) == snapshot["prospectid"]
    assert interaction.time == interaction.recordedtime
    assert interaction.data == {
        "ip": "127.0.0.1", "user_agent": "Browser", "url": "https://e.example/c", "form": fields
    }  # fmt: skip
    uid = shown.headers["finish-interaction"]
    assert uid == str(interaction.uid) == str(uuid5(uuid5(NAMESPACE_URL, "form:contact"), interaction.id))


async def test_a_known_address_has_its_mapped_values_changed_and_only_if_they_do_change(
    forms: Door, database: asyncpg.Connection
) -> None:
    await database.execute(
        "INSERT INTO prospects (id, email, score, tags, fields)"
        """ VALUES (gen_random_uuid(), 'ADA@example.com', 7, '{hot}', '{"company": "Old", "city": "Bonn"}')"""
    )
    await database.execute("DELETE FROM outbox")
    before: dict[str, object] = {"company": "Old", "city": "Bonn"}
    steps: list[tuple[Fields, list[str], dict[str, object]]] = [
        (ADA, ["snapshot", "interaction"], {"company": "Alder", "city": "Bonn"}),
        (ADA, ["interaction"], {"company": "Alder", "city": "Bonn"}),
        ({**ADA, "firm": "  ", "money": ""}, ["interaction"], {"company": "Alder", "city": "Bonn"}),
        (
            {**ADA, "firm": "Velo", "money": "5.0", "is_admin": "1", "score": "99", "tags": "x", "city": "Rome"},
            ["snapshot", "interaction"],
            {"company": "Velo", "city": "Bonn", "budget": 5},
        ),
        ({"mail": "ada@example.com"}, ["interaction"], {"company": "Velo", "city": "Bonn", "budget": 5}),
    ]
    for fields, kinds, after in steps:
        assert (await submit(forms, "contact", fields)).status == 200
        written = await outbox(database)
        assert [kind for kind, _ in written] == kinds
        if "snapshot" in kinds:
            assert written[0][1]["data"]["change"]["before"]["fields"] == before
        before = dict(after)
        record = await database.fetchrow("SELECT email, score, tags, fields FROM prospects")
        assert record is not None
        assert tuple(record) == ("ADA@example.com", 7, ["hot"], after)
        await database.execute("DELETE FROM outbox")


async def test_without_an_address_the_interaction_is_nobodys_and_is_accepted_all_the_same(
    forms: Door, database: asyncpg.Connection
) -> None:
    for form_id, fields in (("contact", {"firm": "Alder"}), ("contact", {"mail": " "}), ("open", ADA), ("old", {})):
        assert (await submit(forms, form_id, fields)).status == 200
    keys = [document["prospectid"] for _, document in await outbox(database)]
    assert len(set(keys)) == 4
    assert all(UUID(key.removeprefix("anon:")) for key in keys)
    assert await database.fetchval("SELECT count(*) FROM prospects") == 0


async def test_the_browser_is_sent_where_the_form_says_whoever_asks_and_whatever_else_he_asks_for(
    forms: Door, database: asyncpg.Connection
) -> None:
    asked = {"return": "https://evil.example", "success_url": "https://evil.example", "url": "//evil.example"}
    shown = await submit(forms, "page?return=https://evil.example", {**ADA, **asked}, Origin="https://evil.example")
    assert (shown.status, shown.headers["Location"]) == (303, "https://example.com/thanks")
    for header in ("Cache-Control", "Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"):
        assert shown.headers[header]
    assert "Access-Control-Allow-Origin" not in shown.headers
    assert [kind for kind, _ in await outbox(database)] == ["snapshot", "interaction"]


async def test_what_breaks_a_rule_is_refused_and_leaves_nothing_behind(
    forms: Door, database: asyncpg.Connection
) -> None:
    cases: list[tuple[str, Fields | bytes, str, int, str]] = [
        ("contact", b'{"mail": "ada@example.com"}', "application/json", 415, "content-type"),
        ("contact", b"--b\r\n", "multipart/form-data; boundary=b", 400, "malformed-form"),
        ("contact", b"mail=a", "text/plain", 415, "content-type"),
        ("contact", b"mail=a", "application/x-www-form-urlencoded; charset=utf-16", 415, "content-type"),
        ("contact", b"a=" + b"x" * 65_536, "", 413, "too-large"),
        ("contact", {f"f{number}": "1" for number in range(201)}, "", 400, "malformed-form"),
        ("contact", {"k" * 10_240: "1"}, "", 400, "malformed-form"),
        ("contact", b"mail=%ff", "", 400, "malformed-form"),
        ("contact", b"mail=%00", "", 400, "malformed-form"),
        ("contact", [("other", "1"), ("other", "2")], "", 400, "repeated-field"),
        ("contact", [("firm", "1"), ("firm", "2")], "", 400, "repeated-field"),
        ("contact", [("mail", "a@example.com"), ("mail", "b@example.com")], "", 400, "repeated-field"),
        ("contact", {"mail": "a@b\r\nBcc: c@d"}, "", 422, "/mail"),
        ("contact", {"mail": "secret"}, "", 422, "/mail"),
        ("contact", {"mail": "a@" + "b" * 253}, "", 422, "/mail"),
        ("contact", {**ADA, "money": "secret"}, "", 422, "/money"),
        ("contact", {**ADA, "money": "1e400"}, "", 422, "/money"),
        ("contact", {"role": "secret", "colour": ["red", "blue"]}, "", 422, "/role"),
        ("contact", {**ADA, "firm": "x" * 4001}, "", 422, "/firm"),
        ("unknown", ADA, "", 404, "not-found"),
        ("link", ADA, "", 404, "not-found"),
        ("prospect", ADA, "", 404, "not-found"),
        ("a%2Fb", ADA, "", 404, "not-found"),
        ("a%00b", ADA, "", 404, "not-found"),
        ("x" * 65, ADA, "", 404, "not-found"),
        ("gone", ADA, "", 410, "gone"),
    ]
    for form_id, fields, content_type, status, told in cases:
        shown = await submit(forms, form_id, fields, **({"content_type": content_type} if content_type else {}))
        assert (shown.status, shown.headers["Content-Type"]) == (status, "application/problem+json"), (form_id, fields)
        assert told in shown.text
        assert "secret" not in shown.text
    assert (await submit(forms, "contact", ADA, **{"Content-Encoding": "gzip"})).status == 415
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        async with forms.session.request(method, f"{forms.url}/s/contact") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    for table in ("outbox", "prospects", "spam_windows"):
        assert await database.fetchval(f"SELECT count(*) FROM {table}") == 0
    metrics = await forms.process.metrics()
    assert metrics['finish_ingest_refused_total{reason="content-type"}'] == 3
    assert metrics['finish_ingest_refused_total{reason="invalid"}'] == 7


async def test_a_record_does_not_grow_past_what_the_log_takes(forms: Door, database: asyncpg.Connection) -> None:
    await database.execute(
        "INSERT INTO prospects (id, email, fields)"
        " VALUES (gen_random_uuid(), 'ada@example.com', jsonb_build_object('city', repeat('x', 196000)))"
    )
    await database.execute("DELETE FROM outbox")
    shown = await submit(forms, "contact", {**ADA, "firm": "x" * 1000})
    assert (shown.status, "192 KiB" in shown.text) == (422, True)
    for table in ("outbox", "spam_windows"):
        assert await database.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_headers_that_are_no_text_are_kept_as_far_as_they_are(forms: Door, database: asyncpg.Connection) -> None:
    address = urlsplit(forms.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, family=socket.AF_INET)
    writer.write(
        b"POST /s/open HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\nUser-Agent: \xff\xfe "
        + b"x" * 2000
        + b"\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Forwarded-For: \xff, 203.0.113.7\r\n\r\na=1"
    )
    async with asyncio.timeout(10):
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()
    await writer.wait_closed()
    ((_, document),) = await outbox(database)
    assert document["data"]["user_agent"] == "\ufffd\ufffd " + "x" * 1021
    assert document["data"]["ip"] == "127.0.0.1"


async def test_a_record_that_others_create_and_change_meanwhile_is_one_and_no_value_is_lost(
    forms: Door, database: asyncpg.Connection
) -> None:
    mapped = [("firm", "Alder"), ("money", "5"), ("colour", "red"), ("role", "new")]
    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(submit(forms, "contact", [("mail", "ada@example.com"), mapped[number % 4]]))
    (record,) = await database.fetch("SELECT version, fields FROM prospects")
    assert record["fields"] == {"company": "Alder", "budget": 5, "colours": ["Red"], "stage": "New"}
    assert record["version"] == 4
    kinds = [kind for kind, _ in await outbox(database)]
    assert (kinds.count("snapshot"), kinds.count("interaction")) == (4, 40)
    metrics = await forms.process.metrics()
    assert metrics['finish_ingest_accepted_total{type="form.submitted"}'] == 40
    assert metrics["finish_ingest_form_seconds_count"] == 40
