"""Attacks on ingest's doors as bytes on the wire, each with the answers that are right.

`number` is an attack's in the list of what every door must withstand: 1 to 12 any door, 13 to 22 redirects, 23 to 28 files, 29 to
42 forms, 43 to 45 pictures, 46 to 51 unsubscribing, 52 to 57 posted events, 58 to 62 feeds. `accepted` is how many interactions
are left in the log and the outbox: 0 unless the attack is one that is served all the same.
"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import orjson

from core.tokens import Token, TokenKind, issue, read_keys
from tests.integration.ingest.conftest import ADMIN_KEY, BATCH, KEY, POOR_KEY, PROSPECT, SINGLE, TOKEN_KEYS
from tests.integration.ingest.form_door import URLENCODED
from tests.unit.ingest.test_feeds import TOPIC

CANARY: Final = "canary7f3a"
"""Stands in hostile values: no answer may repeat it."""
POSTMARK: Final = "postmark:secret"
_JSON: Final = "application/json"


class Attack(NamedTuple):
    """One request, or what a client sends instead of one. `says` stands in the answer, without case."""

    number: int
    what: str
    raw: bytes
    statuses: frozenset[int]
    accepted: int = 0
    says: bytes = b""


def request(method: str, path: str, body: bytes | None = None, *headers: tuple[str, str]) -> bytes:
    """Write a request that is the connection's last. A given Host or Content-Length stands instead of the right one."""
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [] if "host" in names else ["Host: links.example"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + (body or b"")


def token(kind: TokenKind = "link", asset_id: str = "link", *more: str, keys: str = TOKEN_KEYS) -> str:
    """Issue one for the prospect."""
    return issue(Token(kind, asset_id, PROSPECT, more), read_keys(keys))


def event(**changes: Any) -> dict[str, Any]:
    """Write an event that would be accepted."""
    return {
        "specversion": "1.0",
        "id": "attack-1",
        "source": "shop",
        "type": "redirect_link.clicked",
        "subject": "link",
        "time": datetime.now(UTC).isoformat(),
        "prospectid": PROSPECT,
        "data": {"ip": "203.0.113.7"},
        **changes,
    }


def posted(body: Any, *headers: tuple[str, str], key: str = KEY, kind: str | None = None) -> bytes:
    """Post events, or bytes as they are."""
    content_type = kind or (BATCH if isinstance(body, list) else SINGLE)
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    more = (("Authorization", f"Bearer {key}"), ("Content-Type", content_type))
    return request("POST", "/v1/events", raw, *more, *headers)


def submitted(body: bytes, *headers: tuple[str, str], form: str = "contact", kind: str = URLENCODED) -> bytes:
    """Submit a form."""
    return request("POST", f"/s/{form}", body, ("Content-Type", kind), *headers)


def told(body: Any, *headers: tuple[str, str], service: str = "postmark", user: str = POSTMARK) -> bytes:
    """Tell what a mail service tells."""
    basic = base64.b64encode(user.encode()).decode()
    more = (("Authorization", f"Basic {basic}"), ("Content-Type", _JSON))
    return request("POST", f"/v1/feeds/{service}", orjson.dumps(body), *more, *headers)


def _multipart(disposition: str, content: str = "x", more: str = "") -> tuple[bytes, str]:
    body = f"--b\r\nContent-Disposition: {disposition}\r\n{more}\r\n{content}\r\n--b--\r\n"
    return body.encode(), "multipart/form-data; boundary=b"


def _one(number: int, what: str, raw: bytes, *statuses: int, accepted: int = 0, says: bytes = b"") -> Attack:
    return Attack(number, what, raw, frozenset(statuses), accepted, says)


# any door ------------------------------------------------------------------------------------------------------------


def any_door() -> list[Attack]:
    """Return 1 to 12. The slow ones (5) are tests of their own."""
    link, good = f"/r/{token()}", orjson.dumps(event())
    key = ("Authorization", f"Bearer {KEY}")
    json_type, form_type = ("Content-Type", SINGLE), ("Content-Type", URLENCODED)
    attacks = []
    for path, method in (
        (link, "GET"),
        ("/v1/events", "POST"),
        ("/s/contact", "POST"),
        (f"/o/{token('open', 'mail')}.gif", "GET"),
    ):
        body = None if method == "GET" else b""
        attacks += [
            _one(
                1, f"{path[:6]}: one header of 20 KB", request(method, path, body, ("X-Long", "x" * 20_000)), 400, 431
            ),
            _one(
                1,
                f"{path[:6]}: 100 headers",
                request(method, path, body, *((f"X-{n}", "x") for n in range(100))),
                400,
                431,
            ),
            _one(1, f"{path[:6]}: a name of 20 KB", request(method, path, body, ("X" * 20_000, "x")), 400, 431),
        ]
    attacks.append(_one(1, "a target of 20 KB", request("GET", "/r/" + "x" * 20_000), 400, 404, 414))
    doors = (
        ("/v1/events", (key, json_type)),
        ("/v1/track", (key, ("Content-Type", _JSON))),
        ("/v1/feeds/postmark", (("Content-Type", _JSON),)),
        ("/s/contact", (form_type,)),
    )
    for path, headers in doors:
        huge = request("POST", path, b"", *headers, ("Content-Length", "104857600"))
        over = (400, 413) if path == "/v1/track" else (413,)  # what the protocol of its SDKs says
        attacks.append(_one(2, f"{path}: 100 MB are told", huge, *over))
        chunk = b"%x\r\n%s\r\n" % (65536, b"x" * 65536)
        chunked = request("POST", path, b"", *headers, ("Transfer-Encoding", "chunked")) + chunk * 20 + b"0\r\n\r\n"
        attacks.append(_one(2, f"{path}: 1.3 MB in chunks", chunked, *over))
        for encoding in ("gzip", "br", "deflate", "zstd", "gzip, identity"):
            coded = request("POST", path, b"{}", *headers, ("Content-Encoding", encoding))
            attacks.append(_one(3, f"{path}: {encoding}", coded, 415))
    for path, headers in (doors[0], doors[3]):
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers)
        smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        for what, framing in (
            ("CL and TE", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            ("TE and CL", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
            ("an unknown TE", "Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
            ("two CL that differ", "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"),
            ("two CL alike", "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
            ("a CL with a sign", "Content-Length: +2\r\n\r\n{}"),
            ("a CL that is no number", "Content-Length: 0x2\r\n\r\n{}"),
            ("a negative CL", "Content-Length: -2\r\n\r\n{}"),
            ("a bare LF", "Content-Length: 2\n\r\n{}"),
            ("a space before the colon", "Content-Length : 2\r\n\r\n{}"),
            ("a folded header", "X-A: 1\r\n folded\r\nContent-Length: 2\r\n\r\n{}"),
            ("a chunk's size that is no number", "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
        ):
            raw = (head + framing + smuggled).encode()
            attacks.append(_one(4, f"{path}: {what}", raw, 400))
    for path, methods in (
        (link, ("POST", "PUT", "DELETE", "PATCH", "OPTIONS")),
        (f"/f/{token('file', 'file')}", ("POST", "DELETE")),
        (f"/c/{token('click', 'mail', '', 'x')}", ("POST", "PUT")),
        (f"/u/{token('unsubscribe', 'mail')}", ("PUT", "DELETE")),
        (f"/confirm/{token('confirm', 'contact')}", ("PUT", "DELETE")),
        ("/v1/events", ("GET", "PUT", "DELETE", "PATCH")),
        ("/v1/track", ("GET", "DELETE")),
        ("/v1/feeds/postmark", ("GET", "PUT")),
        ("/s/contact", ("GET", "PUT", "DELETE")),
    ):
        attacks += [_one(6, f"{method} {path[:9]}", request(method, path, None), 405) for method in methods]
    attacks.append(_one(6, "a method that is none", request("BREW", link), 400, 405))
    for what, text in (
        ("NUL", good.replace(b"attack-1", b"\\u0000")),
        ("a raw NUL", good.replace(b"attack-1", b"\x00")),
        ("a lone surrogate", good.replace(b"attack-1", b"\\ud800")),
        ("an invalid byte", good.replace(b"attack-1", b"\xff")),
        ("an overlong slash", good.replace(b"attack-1", b"\xc0\xaf")),
        ("a surrogate in UTF-8", good.replace(b"attack-1", b"\xed\xa0\x80")),
        ("UTF-16", good.decode().encode("utf-16")),
        ("a byte order mark", b"\xef\xbb\xbf" + good),
    ):
        attacks.append(_one(7, f"events: {what}", posted(text), 400))
    for what, form in (
        ("NUL", b"a=%00"),
        ("an invalid byte", b"a=%ff"),
        ("a raw invalid byte", b"a=\xff"),
        ("a surrogate", b"a=%ed%a0%80"),
        ("an invalid name", b"%c3=1"),
    ):
        attacks.append(_one(7, f"form: {what}", submitted(form), 400))
    for what, forwarded in (
        ("forged", "198.51.100.9"),
        ("many", ", ".join(f"198.51.100.{n % 250}" for n in range(400))),
        ("no address", f"<{CANARY}>"),
        ("with a port", "198.51.100.9:80"),
        ("IPv6 with a zone", "fe80::1%eth0"),
        ("empty", ", ,"),
        ("of this host", "127.0.0.1, ::1"),
    ):
        number = 8 if what == "forged" else 9
        attacks.append(_one(number, what, request("GET", link, None, ("X-Forwarded-For", forwarded)), 302, accepted=1))
    tiny = posted(b"", ("Transfer-Encoding", "chunked"), kind=BATCH)
    attacks += [
        _one(10, "100,000 chunks of a byte", tiny + b"1\r\n[\r\n" + b"1\r\n \r\n" * 100_000 + b"1\r\n]\r\n0\r\n\r\n", 202, 400, 413),
        _one(10, "7 KB of cookies", request("GET", link, None, ("Cookie", "; ".join(f"a{n}=b" for n in range(1000)))), 302, accepted=1),
        _one(10, "cookies that are none", request("GET", link, None, ("Cookie", '=;;,"\\" ' * 500)), 302, accepted=1),
    ]  # fmt: skip
    for name in ("Host", "X-Forwarded-Host", "X-Host", "Forwarded"):
        value = "host=evil.example" if name == "Forwarded" else "evil.example"
        wanted = b"location: https://example.com/link"
        attacks.append(_one(11, name, request("GET", link, None, (name, value)), 302, accepted=1, says=wanted))
    attacks.append(
        _one(11, "two hosts", request("GET", link, None, ("Host", "a"), ("Host", "b")), 302, 400, accepted=-1)
    )
    for path in (
        f"/{CANARY}",
        f"/r/{CANARY}",
        f"/s/{CANARY}?{CANARY}=1",
        f"/v1/{CANARY}",
        f"/f/{CANARY}",
        f"/.env?{CANARY}",
    ):
        attacks.append(_one(12, path.replace(CANARY, "…"), request("GET", path), 404, 405))
    attacks += [
        _one(12, "a wrong event", posted(event(subject=CANARY, type=CANARY, time=CANARY)), 422),
        _one(12, "a wrong form", submitted(f"mail={CANARY}&money={CANARY}".encode()), 422),
        _one(12, "no JSON", posted(f"{{{CANARY}".encode()), 400),
    ]
    return attacks


# redirects -----------------------------------------------------------------------------------------------------------


def redirects() -> list[Attack]:
    """Return 13 to 22. Definitions (16) are the console's; replays (19) and outages (20) are tests of their own."""
    good = token()
    version, key_id, payload, mac = good.split(".")
    other = "A" if mac[0] != "A" else "B"
    stranger = f"k1:{'x' * 32}"
    wrong = {
        "a bit of the MAC": f"{version}.{key_id}.{payload}.{other}{mac[1:]}",
        "cut": good[:-1],
        "longer": good + "A",
        "upper case": good.upper(),
        "another key's id": f"{version}.k2.{payload}.{mac}",
        "another version": f"v2.{key_id}.{payload}.{mac}",
        "another key": token(keys=stranger),
        "no MAC": f"{version}.{key_id}.{payload}.",
        "no key": f"{version}..{payload}.{mac}",
        "padding": good + "==",
        "a slash behind": good + "/",
        "nothing": "",
        "NUL": "%00",
        "no UTF-8": "%ff%fe",
        "a path": "..%2f..%2fetc%2fpasswd",
        "long": "x" * 3000,
        "SQL": quote("' OR 1=1 --"),
    }
    attacks = [
        _one(13, what, request("GET", f"/r/{text}"), 404, says=b"there is no such link") for what, text in wrong.items()
    ]
    kinds: tuple[TokenKind, ...] = ("file", "open", "click", "unsubscribe", "form", "confirm")
    attacks += [_one(14, f"a token of kind {kind}", request("GET", f"/r/{token(kind)}"), 404) for kind in kinds]
    attacks += [
        _one(14, f"of {asset_id}", request("GET", f"/r/{token('link', asset_id)}"), 404)
        for asset_id in ("mail", "prospect", "contact", "unknown")
    ]
    attacks += [
        _one(15, query, request("GET", f"/r/{good}?{query}"), 302, accepted=1, says=b"location: https://example.com/link\r\n")
        for query in (
            "url=//evil.example", "url=%5C%5Cevil", "to=%2f%2fevil", "next=good@evil", "url=a&url=b",
            "url=javascript:alert(1)", "url=%0d%0aSet-Cookie:a=b", "u=https://evil.example%23",
        )
    ]  # fmt: skip
    attacks += [
        _one(17, "a deleted link", request("GET", f"/r/{token('link', 'gone')}"), 410),
        _one(18, "HEAD", request("HEAD", f"/r/{good}"), 302),
        _one(18, "prefetch", request("GET", f"/r/{good}", None, ("Sec-Purpose", "prefetch;prerender")), 302, accepted=1),
        _one(18, "a scanner", request("GET", f"/r/{good}", None, ("User-Agent", "Proofpoint URLDefense")), 302, accepted=1),
        _one(21, "a conditional GET", request("GET", f"/r/{good}", None, ("If-None-Match", "*")), 302, accepted=1, says=b"no-store"),
        _one(22, "a referrer", request("GET", f"/r/{good}", None, ("Referer", f"https://{CANARY}.example/")), 302, accepted=1, says=b"no-referrer"),
    ]  # fmt: skip
    return attacks


# files ---------------------------------------------------------------------------------------------------------------


def files() -> list[Attack]:
    """Return 23 to 26. Names (27) and slow readers (28) are tests of their own; no token ends, so that 26 is an old one."""
    good = token("file", "file")
    paths = (
        "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "%2fetc%2fpasswd", "/etc/passwd",
        "..%5c..%5cwindows", "%252e%252e%252f", f"{good}/../x", f"{good}%00.html", "file:///etc/passwd", "",
    )  # fmt: skip
    attacks = [_one(23, path or "nothing", request("GET", f"/f/{path}"), 404) for path in paths]
    attacks += [
        _one(23, "a link's token", request("GET", f"/f/{token()}"), 404),
        _one(23, "an asset without a file", request("GET", f"/f/{token('file', 'link')}"), 404),
    ]
    attacks += [
        _one(24, says.decode(), request("GET", f"/f/{good}"), 200, accepted=1, says=says)
        for says in (
            b"content-disposition: attachment",
            b"x-content-type-options: nosniff",
            b"content-security-policy: ",
            b"sandbox",
        )
    ]
    wanted = (
        "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)), "bytes=0-0,-1", "bytes=\xb2-\xb3", "bytes=9999-",
        "bytes=5-2", "bytes=-0", "bytes=a-b", "bytes= 0-1, 2-3",
    )  # fmt: skip
    for text in wanted:
        ranged = request("GET", f"/f/{good}", None, ("Range", text))
        attacks.append(_one(25, text[:20], ranged, 200, 206, 416, 400, accepted=-1))
    attacks.append(_one(26, "a deleted file", request("GET", f"/f/{token('file', 'gone-file')}"), 410))
    return attacks


# forms ---------------------------------------------------------------------------------------------------------------


def forms() -> list[Attack]:
    """Return 29 to 42. The spam rule (36 to 38), list bombing (39) and nonces (41) are tests of their own."""
    numbers = iter(range(1000))

    def mail() -> str:
        return f"mail=f{next(numbers)}%40example.com"

    attacks = [
        _one(29, kind, submitted(b'{"mail":"a@example.com"}', kind=kind), 415)
        for kind in (
            _JSON,
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded-x",
            "multipart/mixed; boundary=b",
        )
    ]
    attacks.append(_one(29, "none", request("POST", "/s/contact", b"a=1"), 415))
    attacks += [
        _one(30, "201 fields", submitted("&".join(f"f{n}=1" for n in range(201)).encode()), 400),
        _one(30, "a name of 10 KB", submitted(b"x" * 10_240 + b"=1"), 400),
        _one(30, "10,000 separators", submitted(b"&" * 10_000), 400),
        _one(30, "two addresses", submitted(b"mail=a%40example.com&mail=b%40example.com"), 400),
        _one(30, "no name", submitted(b"=1"), 400),
        _one(30, "100 KB", submitted(b"a=" + b"x" * 100_000), 413),
    ]
    for what, disposition, more in (
        ("a file", 'form-data; name="mail"; filename="a.exe"', ""),
        ("a file without a name", 'form-data; name="mail"; filename=""', ""),
        ("an encoded name", "form-data; name=\"mail\"; filename*=UTF-8''a.exe", ""),
        ("a transfer encoding", 'form-data; name="mail"', "Content-Transfer-Encoding: base64\r\n"),
    ):
        body, kind = _multipart(disposition, CANARY, more)
        attacks.append(_one(31, what, submitted(body, kind=kind), 400, 415))
    for name in ("return", "redirect", "next", "success_url", "_redirect"):
        body = f"{mail()}&{name}=https%3A%2F%2Fevil.example".encode()
        attacks.append(_one(32, name, submitted(body), 200, accepted=1))
    for name in (
        "is_admin",
        "tenant",
        "id",
        "score",
        "consent",
        "tags",
        "owner",
        "lists",
        "finish.writer",
        "__proto__",
    ):
        attacks.append(_one(33, name, submitted(f"{mail()}&{name}=1".encode()), 200, accepted=1))
    for address in (
        "a@b\r\nBcc: c@d", "a@b%0aBcc:c@d", "a@exam\x0bple.com", "a@example.com,b@example.com", "<a@example.com>",
        "a b@example.com", "a@" + "x" * 300, "a@example\u2028.com", "@example.com", "a@", "nobody",
    ):  # fmt: skip
        attacks.append(_one(34, ascii(address)[:30], submitted(b"mail=" + quote(address).encode()), 422))
    for value in (
        '=HYPERLINK("http://evil")',
        "<script>alert(1)</script>",
        "{{ prospect.email }}",
        "'; DROP TABLE prospects; --",
        "${jndi:ldap://x}",
    ):
        attacks.append(_one(35, value[:20], submitted(f"{mail()}&firm={quote(value)}".encode()), 200, accepted=1))
    for origin in ("https://evil.example", "null"):
        raw = submitted(mail().encode(), ("Origin", origin), ("Cookie", "session=1"))
        attacks.append(_one(40, origin, raw, 200, accepted=1))
    attacks += [
        _one(42, "filled", submitted(f"{mail()}&website=http%3A%2F%2Fspam".encode(), form="trap"), 200),
        _one(42, "one space", submitted(f"{mail()}&website=+".encode(), form="trap"), 200),
        _one(42, "left empty", submitted(f"{mail()}&website=".encode(), form="trap"), 200, accepted=1),
    ]
    return attacks


# mails ---------------------------------------------------------------------------------------------------------------


def mails() -> list[Attack]:
    """Return 43 to 51. The spam rule (44), shared addresses (50) and outages (51) are tests of their own."""
    opening, leaving = token("open", "mail"), token("unsubscribe", "mail")
    wrong = (
        opening[:-1],
        "x",
        "",
        token("click", "mail"),
        token("open", "unknown"),
        token("open", "link"),
        token("open", "gone-mail"),
        "..%2f..%2f",
    )
    attacks = [
        _one(43, f"picture {number}", request("GET", f"/o/{text}.gif"), 200, says=b"gif89a")
        for number, text in enumerate(wrong)
    ]
    attacks += [
        _one(
            45, agent, request("GET", f"/o/{opening}.gif", None, ("User-Agent", agent)), 200, accepted=1, says=b"gif89a"
        )
        for agent in ("Mozilla/5.0 GoogleImageProxy", "YahooMailProxy; https://help.yahoo.com")
    ]
    attacks += [
        _one(46, agent, request("GET", f"/u/{leaving}", None, ("User-Agent", agent)), 200, says=b"<button>unsubscribe")
        for agent in ("Barracuda", "Mozilla/5.0", "")
    ]
    attacks.append(_one(46, "HEAD", request("HEAD", f"/u/{leaving}"), 200))
    body, kind = _multipart('form-data; name="List-Unsubscribe"', "One-Click")
    attacks += [
        _one(47, "urlencoded", request("POST", f"/u/{leaving}", b"List-Unsubscribe=One-Click", ("Content-Type", URLENCODED)), 200, accepted=1),
        _one(47, "multipart", request("POST", f"/u/{leaving}", body, ("Content-Type", kind)), 200),
        _one(47, "no body", request("POST", f"/u/{leaving}", b""), 200),
    ]  # fmt: skip
    forged = (
        leaving[:-1],
        "x",
        "",
        token("open", "mail"),
        token(),
        token("unsubscribe", "mail", keys=f"k1:{'x' * 32}"),
    )
    attacks += [_one(48, f"token {n}", request("POST", f"/u/{text}", b""), 404) for n, text in enumerate(forged)]
    attacks += [_one(49, f"repeat {n}", request("POST", f"/u/{leaving}", b""), 200) for n in range(3)]
    return attacks


# posted events -------------------------------------------------------------------------------------------------------


def events() -> list[Attack]:
    """Return 52 to 57. What makes a repeat here is the event's id: 54 is one that is told twice and says two things."""
    one, good = event(id="attack-54"), orjson.dumps(event())
    other = {**one, "data": {"ip": "198.51.100.1"}}
    basic = base64.b64encode(f"{KEY}:".encode()).decode()
    attacks = [
        _one(52, what, request("POST", "/v1/events", good, ("Content-Type", SINGLE), *headers), 401)
        for what, headers in (
            ("none", ()),
            ("empty", (("Authorization", ""),)),
            ("no scheme", (("Authorization", KEY),)),
            ("another scheme", (("Authorization", f"Basic {basic}"),)),
            ("cut", (("Authorization", f"Bearer {KEY[:-1]}"),)),
            ("longer", (("Authorization", f"Bearer {KEY}a"),)),
            ("another's", (("Authorization", f"Bearer fak_{'z' * 43}"),)),
            ("SQL", (("Authorization", "Bearer ' OR 1=1 --"),)),
            ("a cookie", (("Cookie", f"key={KEY}"),)),
            ("not ASCII", (("Authorization", "Bearer fak_\xe4"),)),
        )
    ]
    attacks += [
        _one(52, "a wrong scope", posted(event(), key=ADMIN_KEY), 403),
        _one(52, "a foreign source", posted(event(source="other"), key=POOR_KEY), 403),
        _one(52, "a source of our own", posted(event(source="finish/mails")), 403),
        _one(52, "a form's source", posted(event(source="form:contact")), 403),
        _one(52, "a foreign asset", posted(event(subject="theirs")), 422),
    ]
    for what, old, new in (
        ("depth 1,000", b'"203.0.113.7"', b"[" * 1000 + b"]" * 1000),
        ("1e400", b'"203.0.113.7"', b"1e400"),
        ("NaN", b'"203.0.113.7"', b"NaN"),
        ("Infinity", b'"203.0.113.7"', b"-Infinity"),
        ("10,000 digits", b'"203.0.113.7"', b"9" * 10_000),
        ("twice a key", b'"attack-1"', b'"attack-1","id":"b"'),
        ("twice a key in data", b'"203.0.113.7"', b'"203.0.113.7","ip":"a"'),
        ("a comment", b'"203.0.113.7"', b'"203.0.113.7"/*x*/'),
        ("a comma behind", b'"203.0.113.7"', b'"203.0.113.7",'),
        ("one quote", b'"attack-1"', b"'attack-1'"),
    ):
        attacks.append(_one(53, what, posted(good.replace(old, new)), 400))
    attacks += [
        _one(54, "first", posted(one), 202, accepted=1),
        _one(54, "another body", posted(other), 202, accepted=1),
    ]
    for days in (-367, -4000, 2, 400):
        at = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        attacks.append(_one(55, f"{days} days", posted(event(time=at)), 422))
    for text in (
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "1767225600",
        "2026-01-01T00:00:00",
    ):
        attacks.append(_one(55, text, posted(event(time=text)), 422))
    for name in ("key", "api_key", "access_token", "token"):
        raw = request("POST", f"/v1/events?{name}={KEY}", good, ("Content-Type", SINGLE))
        attacks.append(_one(56, name, raw, 401))
    bad: Sequence[Any] = (7, {}, event(subject="unknown"), event(type="prospect.created"), event(prospectid=None))
    for number, item in enumerate(bad):
        attacks.append(_one(57, f"batch {number}", posted([event(), item, event()]), 422))
    return attacks


# feeds ---------------------------------------------------------------------------------------------------------------


def feeds() -> list[Attack]:
    """Return 58 to 62. What Amazon has signed (60, 61) is a test of its own."""
    host = "sns.eu-west-1.amazonaws.com"
    message = {
        "Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Message": "{}", "SignatureVersion": "2",
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"), "Signature": "AAAA",
        "SigningCertURL": f"https://{host}/SimpleNotificationService-abc.pem",
    }  # fmt: skip
    attacks = [
        _one(58, ascii(url)[:60], told({**message, "SigningCertURL": url}, service="ses"), 403)
        for url in (
            f"https://{host}.evil.example/SimpleNotificationService-a.pem",
            "https://evil.example/SimpleNotificationService-a.pem",
            f"http://{host}/SimpleNotificationService-a.pem",
            "https://s3.eu-west-1.amazonaws.com/sns/SimpleNotificationService-a.pem",
            f"https://{host}.s3.amazonaws.com/SimpleNotificationService-a.pem",
            f"https://{host}@evil.example/SimpleNotificationService-a.pem",
            f"https://{host}:8443/SimpleNotificationService-a.pem",
            f"https://{host}/../evil.pem",
            "https://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
            None,
            7,
        )
    ]
    attacks += [
        _one(59, ascii(topic)[:40], told({**message, "TopicArn": topic}, service="ses"), 403)
        for topic in (TOPIC + "x", TOPIC.replace("123456789012", "999999999999"), [TOPIC], None, "")
    ]
    confirm = {**message, "Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": "http://169.254.169.254/"}
    attacks += [
        _one(60, "of another topic", told({**confirm, "TopicArn": TOPIC + "x"}, service="ses"), 403),
        _one(60, "with a foreign certificate", told({**confirm, "SigningCertURL": "https://evil.example/a.pem"}, service="ses"), 403),
        _one(61, "an old signature", told({**message, "SignatureVersion": "1"}, service="ses"), 403),
    ]  # fmt: skip
    bounce = {
        "RecordType": "Bounce", "Type": "HardBounce", "ID": 42, "Email": f"{CANARY}@example.org", "MessageID": "x",
        "BouncedAt": "2026-03-02T11:00:00Z",
    }  # fmt: skip
    attacks += [
        _one(62, "an address that is nobody's", told(bounce), 200),
        _one(62, "a mail that is nobody's", told({**bounce, "Metadata": {"finish_message_id": "x"}}), 200),
        _one(62, "a wrong password", told(bounce, user="postmark:wrong"), 403),
        _one(62, "a wrong user", told(bounce, user="admin:secret"), 403),
        _one(62, "a feed that is not set up", told(bounce, service="mailgun"), 404),
        _one(62, "no message", told([1]), 200),
    ]
    return attacks


ELSEWHERE: Final = {
    5: ("tests/integration/ingest/test_refusals.py", "test_a_slow_body_and_slow_headers_are_cut_off"),
    16: ("tests/integration/console/test_attacks.py", "test_a_target_that_browsers_misread_is_refused_when_it_is_saved"),
    19: ("tests/integration/ingest/test_redirects.py", "test_followed_again_and_again_it_redirects_every_time_and_every_time_counts"),
    20: ("tests/integration/ingest/test_redirect_outages.py", "test_while_the_broker_hangs_links_lead_on_and_clicks_reach_the_log_once_and_in_order_by_the_outbox"),
    27: ("tests/integration/ingest/test_files.py", "test_a_download_is_the_interaction_that_its_answer_names"),
    28: ("tests/integration/ingest/test_files.py", "test_who_takes_nothing_is_cut_off_and_one_address_has_so_many_downloads"),
    36: ("tests/integration/ingest/test_form_spam.py", "test_four_are_accepted_and_the_fifth_and_sixth_are_discarded_inside_300_seconds_on_any_process"),
    37: ("tests/integration/ingest/test_form_spam.py", "test_twenty_at_once_on_four_processes_are_exactly_four_and_a_discarded_one_leaves_a_counter_only"),
    38: ("tests/integration/ingest/test_form_spam.py", "test_what_a_peer_that_is_no_proxy_of_ours_says_of_its_address_is_ignored"),
    39: ("tests/integration/ingest/test_confirmations.py", "test_mails_of_a_form_beyond_its_hours_bound_leave_later_and_other_forms_go_on"),
    41: ("tests/integration/ingest/test_form_guards.py", "test_a_nonce_stands_for_one_submission_however_often_it_is_sent"),
    44: ("tests/e2e/test_rules.py", "test_rule_7_spam_the_fifth_click_of_one_address_and_prospect_is_discarded_and_explained"),
    50: ("tests/e2e/test_rules.py", "test_rule_7_spam_unsubscribes_are_honoured_and_feeds_without_an_address_are_not_counted"),
    51: ("tests/chaos/test_outages.py", "test_with_one_of_the_two_stopped_each_door_does_what_it_promises_and_nothing_is_lost"),
    60: ("tests/unit/ingest/test_feeds.py", "test_a_subscription_is_confirmed_by_its_token_and_its_address_is_never_fetched"),
    61: ("tests/unit/ingest/test_feeds.py", "test_an_old_message_is_stale_only_if_it_is_proven"),
    72: ("tests/e2e/test_remote_actions.py", "test_the_answer_of_a_function_raises_triggers_as_anothers_change_and_loops_are_cut"),
}  # fmt: skip
"""Where an attack takes time, another clock or an outage, its test."""

CORPUS: Final = {
    "any_door": any_door,
    "redirects": redirects,
    "files": files,
    "forms": forms,
    "mails": mails,
    "events": events,
    "feeds": feeds,
}
