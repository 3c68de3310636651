"""A TCP proxy whose links can be made bad: late, slow, in slices, silent, cut or closed.

What toxiproxy offers (https://github.com/Shopify/toxiproxy#toxics), in the rig's own process, so that a seed can
choose the moment and the connection. A link without a toxic passes bytes on in the same turn of the loop.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Final, cast

HOST: Final = "127.0.0.1"
_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: a close is a reset."""


@dataclass(frozen=True, slots=True)
class Toxic:
    """What a link does to bytes in either direction. Times in seconds."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    slice_bytes: int | None = None


class Link:
    """One way from a client to a server: its connections, and what is wrong with them."""

    def __init__(self, name: str, port: int, target_port: int, random: Random) -> None:
        self.name, self.port, self._target_port, self._random = name, port, target_port, random
        self.toxic: Toxic | None = None
        self._closed = False
        self._silent = False
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self).near, HOST, self.port)

    async def close(self) -> None:
        """End all connections and listen no more."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self, share: float = 1.0) -> None:
        """Reset all connections, or a share of them."""
        for connection in list(self._connections):
            if self._random.random() < share:
                connection.reset()

    def refuse(self, refused: bool = True) -> None:
        """Reset what is open, and what is opened from now on; or take connections again."""
        self._closed = refused
        if refused:
            self.cut()

    def silence(self, silent: bool = True) -> None:
        """Let no byte through any more and tell nobody; or let through all that has waited."""
        self._silent = silent
        for connection in self._connections:
            connection.silence(silent)

    def silence_one(self) -> "Silenced":
        """Hold the bytes of one connection that is open now."""
        chosen = self._random.choice(sorted(self._connections, key=id)) if self._connections else None
        if chosen is not None:
            chosen.silence(True)
        return Silenced(chosen)

    def heal(self) -> None:
        """Be as good as no link at all."""
        self.toxic, self._closed = None, False
        self.silence(False)

    # for connections

    def opened(self, connection: "_Connection") -> bool:
        if self._closed:
            return False
        self._connections.add(connection)
        connection.silence(self._silent)
        return True

    def ended(self, connection: "_Connection") -> None:
        self._connections.discard(connection)

    @property
    def target_port(self) -> int:
        return self._target_port

    def delay_s(self) -> float:
        toxic = self.toxic
        return 0.0 if toxic is None else toxic.latency_s + self._random.random() * toxic.jitter_s


class Silenced:
    """A connection whose bytes are held back."""

    def __init__(self, connection: "_Connection | None") -> None:
        self._connection = connection

    def release(self) -> None:
        """Let them through, all in order: packets that were delayed."""
        if self._connection is not None:
            self._connection.silence(False)


class _Connection:
    """A client's connection and the server's: `near` and `far`."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.near, self.far = _End(self), _End(self)
        self.passing = asyncio.Event()
        self.passing.set()
        self.flows = {self.near: _Flow(self, self.far), self.far: _Flow(self, self.near)}
        self._dialled: asyncio.Task[None] | None = None

    def dial(self) -> None:
        if not self.link.opened(self):
            self.reset()
            return
        self._dialled = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.far, HOST, self.link.target_port)
        except OSError:
            self.reset()

    def silence(self, silent: bool) -> None:
        (self.passing.clear if silent else self.passing.set)()
        if not silent:
            for flow in self.flows.values():
                flow.kick()

    def reset(self) -> None:
        self.link.ended(self)
        for flow in self.flows.values():
            flow.stop()
        for end in (self.near, self.far):
            if end.transport is not None:
                linger = cast("socket.socket | None", end.transport.get_extra_info("socket"))
                if linger is not None and linger.fileno() >= 0:
                    linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                end.transport.abort()

    def finished(self) -> None:
        self.link.ended(self)


class _End(asyncio.Protocol):
    """One of the two sockets."""

    def __init__(self, connection: _Connection) -> None:
        self.connection = connection
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        connection = self.connection
        if self is connection.near:
            connection.dial()
        else:
            for flow in connection.flows.values():
                flow.kick()

    def data_received(self, data: bytes) -> None:
        self.connection.flows[self].feed(data)

    def eof_received(self) -> bool:
        self.connection.flows[self].feed(b"")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.connection.reset()
        else:
            self.connection.finished()
            self.connection.flows[self].feed(b"")

    def pause_writing(self) -> None:
        self._reading(False)

    def resume_writing(self) -> None:
        self._reading(True)

    def _reading(self, on: bool) -> None:
        connection = self.connection
        source = connection.near if self is connection.far else connection.far
        if source.transport is not None and not source.transport.is_closing():
            (source.transport.resume_reading if on else source.transport.pause_reading)()


class _Flow:
    """Bytes in one direction, in order. An empty piece is the end."""

    def __init__(self, connection: _Connection, to: _End) -> None:
        self._connection, self._to = connection, to
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._task: asyncio.Task[None] | None = None

    def feed(self, data: bytes) -> None:
        link = self._connection.link
        if self._task is None and link.toxic is None and self._connection.passing.is_set() and self._to.transport:
            self._write(data)
            return
        self._waiting.append((asyncio.get_running_loop().time() + link.delay_s(), data))
        self.kick()

    def kick(self) -> None:
        if self._waiting and self._task is None and self._to.transport is not None:
            self._task = asyncio.get_running_loop().create_task(self._pass_on())

    def stop(self) -> None:
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _pass_on(self) -> None:
        while self._waiting:
            due, data = self._waiting.popleft()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            await self._piecewise(data)
        self._task = None

    async def _piecewise(self, data: bytes) -> None:
        toxic = self._connection.link.toxic or Toxic()
        size = toxic.slice_bytes or len(data) or 1
        for start in range(0, max(len(data), 1), size):
            piece = data[start : start + size]
            if toxic.bytes_per_s is not None:
                await asyncio.sleep(len(piece) / toxic.bytes_per_s)
            elif toxic.slice_bytes is not None:
                await asyncio.sleep(0)
            await self._connection.passing.wait()
            self._write(piece)

    def _write(self, data: bytes) -> None:
        transport = self._to.transport
        if transport is None or transport.is_closing():
            return
        if data:
            transport.write(data)
        else:
            transport.close()


@asynccontextmanager
async def opened(links: dict[str, Link]) -> AsyncIterator[dict[str, Link]]:
    """Listen on all of them inside the body."""
    for link in links.values():
        await link.open()
    try:
        yield links
    finally:
        for link in links.values():
            await link.close()
