import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from services.chassis.json_body import BodyLimits, read_json
from services.chassis.problems import problems

Client = TestClient[web.Request, web.Application]

LIMITS = BodyLimits(size_max_bytes=1_000, depth_max=5, read_timeout_s=0.2)


class Tags(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["tags"]
    tags: Annotated[list[Annotated[str, StringConstraints(max_length=5)]], Field(min_length=1)]


class Score(BaseModel):
    type: Literal["score"]
    amount: int
    owner: UUID | None = None


KIND = TypeAdapter(dict[str, list[Annotated[Tags | Score, Field(discriminator="type")]]])


async def answer(request: web.Request) -> web.Response:
    parsed = (await read_json(request, LIMITS)).parse(KIND)
    return web.json_response({"keys": list(parsed)})


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problems])
    app.router.add_post("/", answer)
    async with TestClient(TestServer(app)) as made:
        yield made


async def post(client: Client, body: bytes | AsyncIterator[bytes], **headers: str) -> tuple[int, dict[str, object]]:
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.post("/", data=body, headers=sent) as response:
        return response.status, await response.json(content_type=None)


async def test_a_good_body_is_read_and_parsed(client: Client) -> None:
    assert await post(client, b'{"a":[{"type":"score","amount":1}]}') == (200, {"keys": ["a"]})


@pytest.mark.parametrize("body", [b'{"a":[],"a":[]}', b"[NaN]", b"", b'{"\xff":1}', b"[[[[[[1]]]]]]"])
async def test_a_body_that_is_not_strict_json_is_a_400(client: Client, body: bytes) -> None:
    status, problem = await post(client, body)
    assert (status, problem["type"]) == (400, "/problems/malformed-json")


async def test_a_body_over_the_limit_is_a_413_whether_its_length_is_told_or_not(client: Client) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 100

    assert (await post(client, b" " * 1_001))[0] == 413
    assert (await post(client, chunks()))[0] == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Encoding": "gzip"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/json; charset=latin-1"},
        {"Content_Type": "application/x-www-form-urlencoded"},
    ],
)
async def test_an_encoding_or_type_that_was_not_asked_for_is_a_415(client: Client, headers: dict[str, str]) -> None:
    assert (await post(client, b"{}", **headers))[0] == 415


async def test_a_body_that_never_comes_is_cut_off(client: Client) -> None:
    server = client.server
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
    async with asyncio.timeout(5):
        assert b" 408 " in await reader.readline()
    writer.close()


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b'{"a":[{"type":"tags","tags":["secret-value"]}]}', ["/a/0/tags/0"]),
        (b'{"a":[{"type":"tags","tags":[]}]}', ["/a/0/tags"]),
        (b'{"a":[{"type":"tags"}]}', ["/a/0/tags"]),
        (b'{"a":[{"type":"tags","tags":["x"],"b/c~d":"secret-value"}]}', ["/a/0/b~1c~0d"]),
        (b'{"a":[{"type":"secret-value"}]}', ["/a/0"]),
        (b'{"a":[{"amount":1}]}', ["/a/0"]),
        (b'{"a":[{"type":"score","amount":"secret-value","owner":"secret-value"}]}', ["/a/0/amount", "/a/0/owner"]),
        (b'"secret-value"', [""]),
    ],
)
async def test_each_broken_rule_is_named_by_pointer_and_no_value_comes_back(
    client: Client, body: bytes, pointers: list[str]
) -> None:
    status, problem = await post(client, body)
    errors = problem["errors"]
    assert status == 422
    assert isinstance(errors, list)
    assert [error["pointer"] for error in errors] == pointers
    assert "secret-value" not in str(problem)


async def test_the_list_of_broken_rules_is_bounded(client: Client) -> None:
    status, problem = await post(client, b'{"a":[' + b",".join([b"1"] * 200) + b"]}")
    errors = problem["errors"]
    assert status == 422
    assert isinstance(errors, list)
    assert len(errors) == 100
