"""Where deliveries end in the benchmark: an HTTP server that reads the body and answers 200, and an SMTP server that takes mails.

Both count. A line of JSON on standard input is answered with the counts, and sets them back.
"""

import asyncio
import sys
from contextlib import suppress
from typing import Any, Final

import orjson
import uvloop
from aiohttp import web

_MORE: Final = b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10000000\r\n"


class Counts:
    """How much has arrived."""

    def __init__(self) -> None:
        self.requests = self.mails = 0

    async def dripped(self, request: web.Request) -> web.StreamResponse:
        """Take a request and answer it a byte a second."""
        await request.read()
        answer = web.StreamResponse(status=200)
        await answer.prepare(request)
        with suppress(ConnectionError):
            while True:
                await answer.write(b".")
                await asyncio.sleep(1.0)
        return answer

    async def silent(self, request: web.Request) -> web.Response:
        """Take a request and never answer."""
        await request.read()
        await asyncio.sleep(3600)
        return web.Response()

    async def posted(self, request: web.Request) -> web.Response:
        """Take a request."""
        await request.read()
        self.requests += 1
        return web.Response(status=200)

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold an SMTP session, as far as mails need one."""
        writer.write(b"220 sink ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(_MORE)
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                self.mails += 1
                writer.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 fine\r\n")
        writer.close()


async def main() -> None:
    """Serve until standard input ends, and say where."""
    counts, app = Counts(), web.Application()
    app.router.add_post("/drip", counts.dripped)
    app.router.add_post("/dead", counts.silent)
    app.router.add_post("/{rest:.*}", counts.posted)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    smtp = await asyncio.start_server(counts.session, "127.0.0.1", 0, limit=1 << 20)
    _tell({"http": runner.addresses[0][1], "smtp": smtp.sockets[0].getsockname()[1]})
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.buffer.readline):
        _tell({"requests": counts.requests, "mails": counts.mails})
        counts.requests = counts.mails = 0


def _tell(said: dict[str, Any]) -> None:
    print(orjson.dumps(said).decode(), flush=True)


if __name__ == "__main__":
    sys.stdin.buffer.readline()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as looped:
        looped.run(main())
