"""An SMTP server that answers as it is told, stage by stage, and keeps what it was given."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Literal

DROP: Final = "drop"
HANG: Final = "hang"
Stage = Literal["greeting", "EHLO", "MAIL", "RCPT", "DATA", "content", "QUIT"]

_USUAL: Final[dict[str, str]] = {
    "greeting": "220 here",
    "EHLO": "250 here",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "content": "250 queued as 7",
    "QUIT": "221 bye",
}


@dataclass(slots=True)
class ScriptedSmtp:
    """`answers` replaces what a stage is answered: a reply, DROP, HANG, or `drip <reply>`, a byte at a time."""

    answers: Mapping[str, str]
    port: int = 0
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    talks: list[asyncio.Task[None]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.append(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going_on = await self._answer("greeting", reader, writer)
        while going_on and (line := await reader.readline()):
            command = line.decode(errors="replace").strip()
            self.commands.append(command)
            verb = command.split(" ")[0].upper()
            going_on = await self._answer(verb, reader, writer) and verb != "QUIT"
            if verb == "DATA" and going_on and self._said("DATA").startswith("354"):
                self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                going_on = await self._answer("content", reader, writer)

    def _said(self, stage: str) -> str:
        return self.answers.get(stage, _USUAL.get(stage, "502 what"))

    async def _answer(self, stage: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        said = self._said(stage)
        if said == DROP:
            return False
        if said == HANG:
            await reader.read()
            return False
        if said.startswith("drip "):
            for byte in said.removeprefix("drip ").encode():
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)
        else:
            writer.write(said.encode())
        writer.write(b"\r\n")
        await writer.drain()
        return True


@asynccontextmanager
async def scripted_smtp(**answers: str) -> AsyncIterator[ScriptedSmtp]:
    """Serve with these answers."""
    script = ScriptedSmtp(answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, limit=2**20)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        await asyncio.gather(*script.talks)
        await server.wait_closed()
