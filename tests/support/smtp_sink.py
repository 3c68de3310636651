"""A mail server that keeps what it is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

_MORE: Final = b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10000000\r\n"


@dataclass
class Mailbox:
    """What has come, by recipient, as it was sent."""

    port: int = 0
    received: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Return the Message-ID of each mail."""
        return [str(self.message(place)["Message-ID"]) for place in range(len(self.received))]

    def message(self, place: int) -> EmailMessage:
        """Return a mail, read."""
        return message_from_bytes(self.received[place][1], policy=SMTP)

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold a session; a client that dies in it leaves nothing."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._held(reader, writer)
        writer.close()

    async def _held(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to = ""
        writer.write(b"220 sink ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(_MORE)
            elif verb == b"RCPT":
                to = line.decode().partition("<")[2].partition(">")[0]
                writer.write(b"250 fine\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                data = await reader.readuntil(b"\r\n.\r\n")
                self.received.append((to, data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")))
                writer.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 fine\r\n")


@asynccontextmanager
async def smtp_sink() -> AsyncIterator[Mailbox]:
    """Listen on a free port."""
    box = Mailbox()
    server = await asyncio.start_server(box.session, "127.0.0.1", 0, limit=1 << 22)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
