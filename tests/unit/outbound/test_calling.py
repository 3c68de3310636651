"""Servers that behave badly: one failed attempt each, in bounded time and memory."""

import asyncio
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from services.chassis.errors import PermanentError, RetryableError
from services.outbound.calling import Caller, Reply, caller
from services.outbound.settings import Webhook
from tests.support import self_signed
from tests.support.http_sink import http_sink

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _calling(port: int, **limits: Any) -> AsyncIterator[Caller]:
    bounds = {"connect_timeout_s": 0.5, "total_timeout_s": 0.7, **limits}
    async with caller(Webhook.model_validate({"allow": f"127.0.0.1:{port}", **bounds})) as http:
        yield http


async def _called(behave: Behave, scheme: str = "http", tls: ssl.SSLContext | None = None) -> Reply:
    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        async with _calling(port) as http:
            return await http.call("POST", f"{scheme}://127.0.0.1:{port}/hook", {}, b"{}")
    finally:
        server.close()


def _bomb_of(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000))
    return packed + packer.flush()


BOMB = _bomb_of(200_000_000)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def _slow_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
        writer.write(bytes([letter]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def _dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def _bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + str(len(BOMB)).encode() + b"\r\n\r\n"
    )
    writer.write(BOMB)
    await writer.drain()


async def _vast_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Long: " + b"x" * 65536)
        await writer.drain()


async def _no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com ESMTP\r\n")
    await writer.drain()


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.transport.abort()


async def _cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    await writer.drain()


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (_silent, "no answer in time"),
        (_slow_headers, "no answer in time"),
        (_dripping, "no answer in time"),
        (_endless, "the answer is too long"),
        (_bomb, "the answer is too long"),
        (_vast_headers, "the connection broke"),
        (_no_http, "the connection broke"),
        (_reset, "the connection broke"),
        (_cut, "the connection broke"),
    ],
)
async def test_each_is_one_failed_attempt_of_bounded_memory(behave: Behave, reason: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(RetryableError) as failure:
            await _called(behave)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert failure.value.reason == reason
    assert peak < 10_000_000


async def test_a_certificate_of_nobody_is_not_trusted(tmp_path: Path) -> None:
    with pytest.raises(RetryableError, match="certificate"):
        await _called(_silent, "https", self_signed.context(tmp_path))


async def test_plain_text_where_tls_is_spoken_fails() -> None:
    with pytest.raises(RetryableError):
        await _called(_no_http, "https")


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async with http_sink() as sink, _calling(sink.port) as http:
        sink.answers.extend(web.Response(status=302, headers={"Location": f"{sink.url}/again"}) for _ in range(5))
        reply = await http.call("POST", f"{sink.url}/hook", {}, b"{}")
        assert (reply.status, len(sink.received)) == (302, 1)


async def test_it_sends_what_it_is_given_and_keeps_no_cookies() -> None:
    async with http_sink() as sink, _calling(sink.port) as http:
        sink.answers.append(web.Response(headers={"Set-Cookie": "a=b"}, text="x" * 10_000))
        first = await http.call("PUT", f"{sink.url}/hook?a=%2f", {"X-Own": "1"}, b"body")
        await http.call("GET", f"{sink.url}/hook", {}, None)
        put, got = sink.received
        assert (put.method, put.path, put.headers["x-own"], put.body) == ("PUT", "/hook?a=%2f", "1", b"body")
        assert put.headers["accept-encoding"] == "identity"
        assert "cookie" not in got.headers
        assert len(first.body) == 4096


async def test_nobody_listening_is_no_connection() -> None:
    async with http_sink() as sink:
        pass
    async with _calling(sink.port) as http:
        with pytest.raises(RetryableError, match="no connection"):
            await http.call("POST", f"{sink.url}/", {}, b"")


async def test_what_is_not_allowed_is_refused_before_anything_else() -> None:
    async with http_sink() as sink, _calling(1) as http:
        with pytest.raises(PermanentError, match="the URL is refused"):
            await http.call("POST", f"{sink.url}/", {}, b"")
        assert sink.received == []
