from typing import Any, Final

from prometheus_client import REGISTRY

from tests.integration.console.conftest import Running

JSON: Final = {"Content-Type": "application/json"}
SECRET: Final = "xxxxsecretxxxx"

WRONG_KEYS: Final = ("", "Bearer", "Bearer x", "Bearer fak_wrong", "Basic dGVzdDp0ZXN0", "fak_x", "Bearer fak_\u00fc")

BAD_BODIES: Final = (
    (b"", 400),
    (b"{", 400),
    (b'{"name": "a", "name": "b"}', 400),
    (b'{"name": NaN}', 400),
    (b'{"name": 1e400}', 400),
    (b'{"name": ' + b"9" * 100_000 + b"}", 400),
    (b"[" * 1000 + b"]" * 1000, 400),
    (b'{"name": "\\u0000"}', 400),
    (b'{"name": "\\ud800"}', 400),
    (b'{"name": "\xff"}', 400),
    (b'{"name": "' + SECRET.encode() * 50_000 + b'"}', 413),
    (b"[]", 422),
    (b"null", 422),
    (b'{"name": 7}', 422),
    (b'{"name": ["' + SECRET.encode() + b'"]}', 422),
    (b'{"name": "x", "is_admin": true}', 422),
)

NO_CALLS: Final[tuple[tuple[str, str, dict[str, str], int], ...]] = (
    ("POST", "/api/lists", {"Content-Type": "text/plain"}, 415),
    ("POST", "/api/lists", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("POST", "/api/lists", {**JSON, "Content-Encoding": "gzip"}, 415),
    ("PUT", "/api/lists", JSON, 405),
    ("DELETE", "/api/assets/prospect", {}, 405),
    ("GET", "/api/nothing", {}, 404),
    ("GET", "/api/assets/..%2f..%2fetc", {}, 404),
    ("GET", "/api/assets/%00", {}, 404),
    ("GET", "/api/interactions/x", {}, 404),
    ("GET", "/api/users?limit=0", {}, 400),
    ("GET", "/api/users?limit=201", {}, 400),
    ("GET", "/api/users?limit=1&limit=2", {}, 400),
    ("GET", "/api/users?offset=3", {}, 400),
    ("GET", "/api/users?cursor=%00", {}, 400),
    ("GET", "/api/catalogue?x=1", {}, 400),
    ("GET", "/api/dead-letters?reason=boredom", {}, 400),
    ("GET", "/api/dead-letters?topic=a&topic=b", {}, 400),
    ("GET", "/api/dead-letters?prospect_id=%00", {}, 400),
    ("GET", "/api/dead-letters/x", {}, 404),
    ("DELETE", "/api/dead-letters", {}, 400),
    ("DELETE", "/api/dead-letters?limit=5", {}, 400),
    ("POST", "/api/dead-letters/x/replay", JSON, 404),
    ("POST", "/api/dead-letters/replay", JSON, 422),
    ("PATCH", "/api/pauses/x", JSON, 405),
    ("DELETE", "/api/pauses/a%2fb", {}, 404),
    ("PUT", "/api/assets/prospect/actions", {**JSON, "If-Match": "latest"}, 400),
)


async def answered(console: Running, method: str, path: str, **more: Any) -> tuple[int, Any, str]:
    headers = {**console.work.headers, **more.pop("headers", {})}
    async with console.work.session.request(method, f"{console.url}{path}", headers=headers, **more) as response:
        return response.status, response.headers, await response.text()


async def test_every_call_needs_a_key(console: Running) -> None:
    description = await (await console.work.session.get(f"{console.url}/openapi.json")).json()
    for path, methods in description["paths"].items():
        for method in methods:
            status, _, _ = await answered(console, method.upper(), path, headers={"Authorization": ""})
            assert status == 401, (method, path)


async def test_a_wrong_key_is_401_and_not_echoed(console: Running) -> None:
    for key in WRONG_KEYS:
        status, _, body = await answered(console, "GET", "/api/users", headers={"Authorization": key})
        assert (status, "fak_" in body) == (401, False), key


async def test_a_key_in_the_query_is_no_key(console: Running) -> None:
    key = console.work.headers["Authorization"].removeprefix("Bearer ")
    status, _, _ = await answered(
        console, "GET", f"/api/users?key={key}&access_token={key}", headers={"Authorization": ""}
    )
    assert status == 401


async def test_a_bad_body_is_a_problem_and_echoes_nothing(console: Running) -> None:
    for body, expected in BAD_BODIES:
        status, headers, text = await answered(console, "POST", "/api/lists", data=body, headers=JSON)
        assert status == expected, body[:40]
        assert headers["Content-Type"].startswith("application/problem+json")
        assert SECRET not in text
    assert await console.rows("SELECT FROM lists") == []


async def test_what_is_no_call_is_a_problem(console: Running) -> None:
    for method, path, headers, expected in NO_CALLS:
        status, answer_headers, text = await answered(console, method, path, headers=headers, data=b'{"actions": []}')
        assert status == expected, (method, path, text)
        assert answer_headers["Content-Type"].startswith("application/problem+json")
        assert answer_headers["Cache-Control"] == "no-store"


async def test_a_huge_header_block_is_refused(console: Running) -> None:
    status, _, _ = await answered(console, "GET", "/api/users", headers={"X-Junk": "x" * 20_000})
    assert status in {400, 431}


async def test_an_answer_with_a_version_carries_it_as_its_etag(console: Running) -> None:
    prospect = await console.work.prospect()
    _, headers, _ = await answered(console, "GET", f"/api/prospects/{prospect}")
    assert headers["ETag"] == '"1"'
    assert headers["Cache-Control"] == "no-store"


async def test_requests_are_counted_by_their_template(console: Running) -> None:
    labels = {"method": "GET", "route": "/api/assets/{id}", "status": "404"}
    before = REGISTRY.get_sample_value("finish_console_requests_total", labels) or 0.0
    await answered(console, "GET", "/api/assets/none")
    assert REGISTRY.get_sample_value("finish_console_requests_total", labels) == before + 1
