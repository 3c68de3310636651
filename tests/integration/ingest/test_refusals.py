"""`POST /v1/events`, what it refuses: everything of the request, with the place and the rule, and nothing is logged."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.integration.ingest.conftest import ADMIN_KEY, BATCH, POOR_KEY, SINGLE, Door, event

NO_PERSON = {"prospectid": None}
_HEAD = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: {SINGLE}\r\n".encode()


def _in(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


async def test_a_broken_rule_is_422_and_its_pointer_names_the_place(door: Door) -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    cases: list[tuple[Any, list[str]]] = [
        (event(subject="nothing"), ["/subject"]),
        (event(subject="gone"), ["/subject"]),
        (event(subject="mail"), ["/type"]),
        (event(subject="prospect"), ["/type"]),
        (event(type="prospect.created", subject="prospect"), ["/type"]),
        (event(type="redirect_link.opened"), ["/type"]),
        (event(**NO_PERSON), ["/prospectid"]),
        (event(**NO_PERSON, data={"email": "  "}), ["/prospectid"]),
        (event(**NO_PERSON, data={"email": "a@b\r\nBcc: c@d"}), ["/data/email"]),
        (event(**NO_PERSON, data={"email": "nobody"}), ["/data/email"]),
        (event(prospectid="7"), ["/prospectid"]),
        (event(anonymousid="not a mark"), ["/anonymousid"]),
        (event(time=_in(days=-367)), ["/time"]),
        (event(time=_in(days=1, hours=1)), ["/time"]),
        (event(time="2026-01-31T12:00:00"), ["/time"]),
        (event(time=1767225600), ["/time"]),
        (event(time="1767225600"), ["/time"]),
        (event(id=""), ["/id"]),
        (event(id="x" * 256), ["/id"]),
        (event(source=None, subject=None), ["/source", "/subject"]),
        (event(specversion="0.3"), ["/specversion"]),
        (event(uid="11111111-2222-4333-8444-555555555555"), [""]),
        (event(data={"ip": 7}), ["/data/ip"]),
        (event(data=[1]), ["/data"]),
        ([event(), event(subject="nothing"), event(**NO_PERSON)], ["/1/subject", "/2/prospectid"]),
        ([event(), 7], ["/1"]),
        ([event() for _ in range(1001)], [""]),
        ([event(), event(data={"x": "y" * 70_000})], ["/1"]),
        ("text", [""]),
    ]
    for body, pointers in cases:
        answer = await door.post(body)
        assert (answer.status, answer.pointers) == (422, pointers), body
        assert answer.headers["Content-Type"] == "application/problem+json"
    single_as_batch, batch_as_single = await door.post(event(), BATCH), await door.post([event()], SINGLE)
    assert (single_as_batch.status, batch_as_single.status) == (422, 422)
    assert await door.logged() == []


async def test_a_body_that_cannot_be_read_is_a_4xx_and_says_why_without_quoting_it(door: Door) -> None:
    text = orjson.dumps(event(id="secret")).decode()
    cases: list[tuple[bytes, int]] = [
        (b"{", 400),
        (b"\xff", 400),
        (text.replace('"203.0.113.7"', "NaN").encode(), 400),
        (text.replace('"203.0.113.7"', "1e400").encode(), 400),
        (text.replace('"203.0.113.7"', "9" * 100_00).encode(), 400),
        (text.replace('"secret"', '"secret","id":"other"').encode(), 400),
        (text.replace("secret", "\\u0000").encode(), 400),
        (text.replace("secret", "\\ud800").encode(), 400),
        (text.replace('"203.0.113.7"', "[" * 1000 + "]" * 1000).encode(), 400),
        (text.replace("secret", "s" * 70_000).encode(), 413),
        (b"[" + b" " * (1024 * 1024) + b"]", 413),
    ]
    for raw, status in cases:
        answer = await door.post(raw, "application/json")
        assert answer.status == status, raw[:80]
        assert "secret" not in str(answer.body)
    assert (await door.post(event(), **{"Content-Encoding": "gzip"})).status == 415
    assert (await door.post(event(), "text/plain")).status == 415
    assert (await door.post(event(), "application/x-www-form-urlencoded")).status == 415
    assert await door.logged() == []


async def test_without_a_key_of_the_scope_and_the_source_nothing_is_accepted(door: Door) -> None:
    for authorization in ("", "Bearer", "Bearer fak_unknown", f"Basic {POOR_KEY}"):
        answer = await door.post(event(), Authorization=authorization)
        assert (answer.status, answer.headers.get("WWW-Authenticate")) == (401, "Bearer")
    async with door.session.post(f"{door.url}/v1/events?key={POOR_KEY}", json=event()) as answer_with_key_in_query:
        assert answer_with_key_in_query.status == 401
    assert (await door.post(event(), Authorization=f"Bearer {ADMIN_KEY}")).status == 403
    poor = {"Authorization": f"Bearer {POOR_KEY}"}
    foreign = await door.post([event(), event(source="other")], **poor)
    assert (foreign.status, foreign.pointers) == (403, ["/1/source"])
    ours = await door.post([event(source="form:contact"), event(source="finish/links"), event()])
    assert (ours.status, ours.pointers) == (403, ["/0/source", "/1/source"])
    assert (await door.post(event(), **poor)).status == 202
    assert len(await door.logged()) == 1
    metrics = await door.process.metrics()
    assert metrics['finish_ingest_refused_total{reason="unauthorized"}'] == 5
    assert metrics['finish_ingest_refused_total{reason="foreign-source"}'] == 2


async def test_other_methods_and_paths_are_problems_too(door: Door) -> None:
    for method, path, status in (("GET", "/v1/events", 405), ("PUT", "/v1/events", 405), ("POST", "/v1/other", 404)):
        async with door.session.request(method, door.url + path) as answer:
            assert (answer.status, answer.content_type) == (status, "application/problem+json")
    async with door.session.post(f"{door.url}/v1/events", headers={"X-Junk": "x" * 17_000}) as answer:
        assert answer.status in {400, 431}
    async with door.session.post(f"{door.url}/v1/events", headers={f"X-{n}": "x" for n in range(200)}) as answer:
        assert answer.status in {400, 431}


async def _answer_to(door: Door, raw: bytes) -> bytes:
    """Send bytes as they are and return all that comes back until ingest closes the connection."""
    address = urlsplit(door.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, family=socket.AF_INET)
    try:
        writer.write(raw)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_slow_body_and_slow_headers_are_cut_off(door: Door) -> None:
    slow_body = _HEAD + f"Authorization: {door.headers['Authorization']}\r\nContent-Length: 100\r\n\r\n{{".encode()
    by_body, by_headers = await asyncio.gather(_answer_to(door, slow_body), _answer_to(door, _HEAD))
    assert by_body.startswith(b"HTTP/1.1 408")
    assert by_headers == b""


async def test_a_request_whose_end_two_servers_may_see_in_two_places_is_400_and_closed(door: Door) -> None:
    """RFC 9112 §6.1, §6.3, §2.2: whatever stands in front of ingest must not read another request than ingest does."""
    ambiguous = [
        _HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        _HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        _HEAD + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        _HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        _HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        _HEAD + b"Content-Length: 2\n\r\n{}",
        _HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 2\n\n{}",
    ]
    for raw in ambiguous:
        answer = await _answer_to(door, raw + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400")), raw
        assert answer.count(b"HTTP/1.") == 1, raw
    assert await door.logged() == []
