"""`GET /r/{token}`: where it leads, what it tells, what it refuses, and the interaction that it leaves in the log."""

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson

from core.records import Interaction, decode
from schemas.interactions import EventData
from schemas.interactions import Interaction as Contract
from tests.integration.ingest.conftest import PROSPECT, TOKEN_KEYS, Door, Followed, asset, opened, token

TOLD: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
POLICY: Final = "default-src 'none'; sandbox"


def safe(answer: Followed) -> bool:
    return all(answer.headers.get(name) == value for name, value in TOLD.items())


async def test_a_click_redirects_and_is_the_interaction_that_its_answer_names(door: Door) -> None:
    answer = await door.follow(token(), **{"User-Agent": "Mozilla/5.0 (Test)"})
    assert (answer.status, answer.location, answer.body) == (302, "https://example.com/link", b"")
    assert safe(answer)
    ((key, document),) = await door.logged()
    interaction = Contract.model_validate(document)
    assert list(document) == list(Contract.model_fields)
    assert (key, interaction.prospectid, str(interaction.uid)) == (PROSPECT, PROSPECT, answer.uid)
    assert (interaction.type, interaction.subject) == ("redirect_link.clicked", "link")
    assert (interaction.actionlistversion, interaction.prospectlistversion) == (3, 2)
    assert interaction.time == interaction.recordedtime
    assert interaction.data == {
        "ip": "127.0.0.1",
        "user_agent": "Mozilla/5.0 (Test)",
        "url": "https://example.com/link",
        "bot": "unknown",
    }
    EventData.model_validate(interaction.data)
    assert isinstance(decode(orjson.dumps(document)), Interaction)


async def test_every_get_fires_and_a_machines_is_annotated_but_head_is_no_interaction(door: Door) -> None:
    head = await door.follow(token(), "HEAD")
    assert (head.status, head.location, head.uid) == (302, "https://example.com/link", None)
    assert safe(head)
    answers = [
        await door.follow(token("old")),  # archived
        await door.follow(token(), **{"Sec-Purpose": "prefetch;prerender"}),
        await door.follow(token(), **{"User-Agent": "Slackbot-LinkExpanding 1.0"}),
    ]
    assert [answer.status for answer in answers] == [302] * 3
    logged = [document for _, document in await door.logged()]
    assert [document["uid"] for document in logged] == [answer.uid for answer in answers]
    assert [document["data"]["bot"] for document in logged] == ["unknown", "prefetch", "scanner"]
    metrics = await door.process.metrics()
    assert metrics['finish_ingest_accepted_total{type="redirect_link.clicked"}'] == 3
    assert metrics['finish_ingest_redirects_total{outcome="durable"}'] == 3
    assert metrics['finish_ingest_redirects_total{outcome="head"}'] == 1
    assert metrics["finish_ingest_redirect_seconds_count"] == 4
    assert (metrics["finish_ingest_written_behind"], metrics["finish_ingest_dropped_total"]) == (0, 0)


async def test_what_is_no_link_gets_one_constant_page_and_leaves_nothing(door: Door) -> None:
    good = token()
    version, key_id, payload, mac = good.split(".")
    last = "A" if mac[0] != "A" else "B"
    bad = [
        f"{version}.{key_id}.{payload}.{last}{mac[1:]}",
        good[:-1],
        good + "A",
        good.upper(),
        f"{version}.k2.{payload}.{mac}",
        f"v2.{key_id}.{payload}.{mac}",
        token(keys=f"k1:{'x' * 32}"),
        token(kind="file"),
        token(kind="click"),
        token("unknown"),
        token("mail"),
        token("prospect"),
        good + "/",
        "",
        "%00",
        "%ff%fe",
        "..%2f..%2fetc",
        "x" * 3000,
    ]
    answers = [await door.follow(each) for each in bad]
    assert {answer.status for answer in answers} == {404}
    assert {answer.body for answer in answers} == {answers[0].body}
    assert b"<p>There is no such link.</p>" in answers[0].body
    assert all(safe(answer) and answer.headers["Content-Security-Policy"] == POLICY for answer in answers)
    assert {answer.headers["Content-Type"] for answer in answers} == {"text/html; charset=utf-8"}
    assert (await door.follow(bad[0], "HEAD")).status == 404
    gone = await door.follow(token("gone"))
    assert (gone.status, gone.location, gone.headers["Content-Security-Policy"]) == (410, None, POLICY)
    assert safe(gone)
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        other = await door.follow(good, method)
        assert (other.status, other.headers["Allow"], safe(other)) == (405, "GET, HEAD", True)
    assert await door.logged() == []
    assert (await door.process.metrics())['finish_ingest_redirects_total{outcome="unknown"}'] == len(bad) + 1


async def test_nothing_of_the_request_decides_where_to(door: Door) -> None:
    for query in ("?url=//evil.example", "?url=%5C%5Cevil", "?to=%2f%2fevil", "?next=good@evil", "?url=a&url=b"):
        answer = await door.follow(token() + query, Host="evil.example", **{"X-Forwarded-Host": "evil.example"})
        assert (answer.status, answer.location) == (302, "https://example.com/link")


async def test_an_asset_published_a_moment_ago_leads_on(door: Door) -> None:
    for number in range(5):
        await door.define(asset(f"new-{number}", "redirect_link"))
        assert (await door.follow(token(f"new-{number}"))).location == f"https://example.com/new-{number}"


async def test_an_address_is_told_to_the_letter_and_only_what_no_header_can_hold_is_escaped(door: Door) -> None:
    plain = "https://user.example/a%2Fb?c=%C3%A4+d&e='(f)'#g"
    for number, (target, location) in enumerate(
        ((plain, plain), ("https://example.com/ä?ö", "https://example.com/%C3%A4?%C3%B6"))
    ):
        await door.define({**asset(f"at-{number}", "redirect_link"), "settings": {"target_url": target}})
        assert (await door.follow(token(f"at-{number}"))).location == location


async def test_hostile_headers_are_cut_and_cleaned_and_forged_addresses_ignored(door: Door) -> None:
    raw = b"\xff\xfe" + b"A" * 3000
    address = urlsplit(door.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        b"GET /r/" + token().encode() + b" HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.7\r\nUser-Agent: "
        b"" + raw + b"\r\nConnection: close\r\n\r\n"
    )
    async with asyncio.timeout(30):
        assert (await reader.read()).startswith(b"HTTP/1.1 302")
    writer.close()
    await writer.wait_closed()
    ((_, document),) = await door.logged()
    assert document["data"]["user_agent"] == "\ufffd\ufffd" + "A" * 1022
    assert document["data"]["ip"] == "127.0.0.1"
    for private in (PROSPECT, token(), "203.0.113.7", "AAAA"):
        assert private not in door.process.log


async def test_followed_again_and_again_it_redirects_every_time_and_every_time_counts(door: Door) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(door.follow(token())) for _ in range(300)]
    assert {task.result().status for task in tasks} == {302}
    uids = {task.result().uid for task in tasks}
    assert len(uids) == 300
    assert {document["uid"] for _, document in await door.logged()} == uids


async def test_behind_a_proxy_that_is_trusted_the_address_is_the_rightmost_that_is_not(
    door: Door, tmp_path: Path
) -> None:
    trusted = opened(door.settings, door.database_url, tmp_path, FA_INGEST__TRUSTED_PROXIES="127.0.0.0/8, 10.0.0.0/8")
    async with trusted as behind:
        for forwarded in ("6.6.6.6, 203.0.113.7:4711, 10.0.0.1", "6.6.6.6, nonsense, 10.0.0.1"):
            assert (await behind.follow(token(), **{"X-Forwarded-For": forwarded})).uid
    assert [document["data"]["ip"] for _, document in await door.logged()] == ["203.0.113.7", "127.0.0.1"]


async def test_a_link_of_an_older_key_stays_valid_and_without_keys_there_are_no_links(
    door: Door, tmp_path: Path
) -> None:
    new = f"k2:{'n' * 32}"
    async with opened(door.settings, door.database_url, tmp_path, FA_TOKENS__KEYS=f"{new},{TOKEN_KEYS}") as rotated:
        statuses = [(await rotated.follow(token(keys=keys))).status for keys in (TOKEN_KEYS, new)]
    assert statuses == [302, 302]
    assert (await door.follow(token(keys=new))).status == 404
    async with opened(door.settings, door.database_url, tmp_path, FA_TOKENS__KEYS="") as keyless:
        assert (await keyless.follow(token())).status == 404
