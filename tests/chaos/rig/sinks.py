"""Where effects leave the system: a web server, a mail server and functions that keep what came, and can be in a bad mood."""

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import SMTP
from typing import Final, Literal

from aiohttp import web

HOST: Final = "127.0.0.1"
Mood = Literal["well", "refusing", "hanging", "dropping"]
"""`refusing`: 503 or 451; `hanging`: no answer; `dropping`: taken, and the connection ends before the answer."""
_HANGS_S: Final = 30.0


@dataclass
class Sink:
    """What came, by the command's id: the bodies, as often as they came. `at` is when each first came, on the loop's clock."""

    port: int = 0
    mood: Mood = "well"
    came: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    at: dict[str, float] = field(default_factory=dict)

    def keep(self, command_id: str, body: bytes) -> None:
        self.came[command_id].append(body)
        self.at.setdefault(command_id, asyncio.get_running_loop().time())


class HttpSink(Sink):
    """A server that keeps what it is sent."""

    async def taken(self, request: web.Request) -> web.StreamResponse:
        """Keep a request, and answer it as the mood is."""
        body = await request.read()
        if self.mood == "refusing":
            return web.Response(status=503)
        self.keep(self.id_of(request), body)
        if self.mood == "hanging":
            await asyncio.sleep(_HANGS_S)
        if self.mood == "dropping" and request.transport is not None:
            request.transport.abort()
        return self.answer(request)

    def id_of(self, request: web.Request) -> str:
        """Return the command's id."""
        raise NotImplementedError

    def answer(self, request: web.Request) -> web.Response:
        """Answer when all is well."""
        raise NotImplementedError


class WebSink(HttpSink):
    """A receiver of webhooks: `/wrong` answers 400 for good, everything else 200."""

    def id_of(self, request: web.Request) -> str:
        return request.headers.get("webhook-id", "without an id")

    def answer(self, request: web.Request) -> web.Response:
        return web.Response(status=400 if request.path == "/wrong" else 200)


class FunctionSink(HttpSink):
    """AWS Lambda, as far as `Invoke`: there is no function `wrong`, every other one returns null."""

    def id_of(self, request: web.Request) -> str:
        context = json.loads(base64.b64decode(request.headers.get("X-Amz-Client-Context", "e30=")))
        return str(context.get("custom", {}).get("command_id", "without an id"))

    def answer(self, request: web.Request) -> web.Response:
        if request.path.endswith("/functions/wrong/invocations"):
            headers = {"x-amzn-ErrorType": "ResourceNotFoundException"}
            return web.json_response({"Type": "User", "message": "no such function"}, status=404, headers=headers)
        return web.json_response(None)


class MailSink(Sink):
    """A mail server."""

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold a session; a client that goes away in it leaves nothing."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._held(reader, writer)
        writer.close()

    async def _held(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if self.mood == "hanging":
                await asyncio.sleep(_HANGS_S)
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10000000\r\n")
            elif verb == b"MAIL" and self.mood == "refusing":
                writer.write(b"451 later\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                self._take(await reader.readuntil(b"\r\n.\r\n"))
                if self.mood == "dropping":
                    return
                writer.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 fine\r\n")

    def _take(self, mail: bytes) -> None:
        message_id = str(message_from_bytes(mail, policy=SMTP)["Message-ID"])
        self.keep(message_id.strip("<>").partition("@")[0], mail)


@dataclass(frozen=True, slots=True)
class Sinks:
    """Everybody outside."""

    web: WebSink
    mail: MailSink
    functions: FunctionSink

    @property
    def all(self) -> tuple[Sink, ...]:
        """Return each."""
        return self.web, self.mail, self.functions


@asynccontextmanager
async def sinks() -> AsyncIterator[Sinks]:
    """Listen on free ports."""
    outside = Sinks(WebSink(), MailSink(), FunctionSink())
    async with AsyncExitStack() as stack:
        for sink in (outside.web, outside.functions):
            app = web.Application()
            app.router.add_route("*", "/{rest:.*}", sink.taken)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, HOST, 0).start()
            sink.port = runner.addresses[0][1]
        server = await asyncio.start_server(outside.mail.session, HOST, 0, limit=1 << 22)
        stack.callback(server.close)
        outside.mail.port = server.sockets[0].getsockname()[1]
        yield outside
