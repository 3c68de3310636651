"""A load generator lean enough not to be the bottleneck: HTTP/1.1 over raw connections that stay open.

Task: `port`, `connections`, `seconds`, the `requests` as texts, sent in turn, with marks where a number is to stand that is
never the same twice, and for a pace instead of as fast as it goes `per_s`. It ends with one line: how many answers of which status, their
latencies, its own CPU and, at a pace, when each request was sent.
"""

import asyncio
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count, cycle
from typing import Any, Final, cast

import orjson
import uvloop

MARK: Final = "@@@@@@@@@@@@"
"""Twelve characters, which become twelve digits."""
_WARM_S: Final = 0.5
_DRAIN_S: Final = 5.0


class Requests:
    """Writes the next request."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = cycle([text.encode().split(MARK.encode()) for text in texts])
        self._numbers = count(int(time.time()) % 100_000 * 10_000_000)

    def __call__(self) -> tuple[bytes, int]:
        """Return the bytes and the last number in them."""
        first, *parts = next(self._texts)
        written, number = [first], 0
        for part in parts:
            number = next(self._numbers)
            written += (b"%012d" % number, part)
        return b"".join(written), number


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self.sent_s = 0.0
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def send(self, request: bytes) -> None:
        """Send a request. The answer is told to the load."""
        assert self._transport is not None
        self.busy, self.sent_s = True, time.monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        head_end = buffer.find(b"\r\n\r\n")
        if head_end < 0 or len(buffer) < head_end + 4 + _content_length(buffer, head_end):
            self._buffer = buffer
            return
        self._buffer, self.busy = b"", False
        self._load.answered(self, int(buffer[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.busy = True
        self._load.lost += 1


def _content_length(buffer: bytes, head_end: int) -> int:
    start = buffer.find(b"Content-Length: ", 0, head_end)
    return 0 if start < 0 else int(buffer[start + 16 : buffer.find(b"\r\n", start)])


class Load:
    """All connections and what came back."""

    def __init__(self, task: dict[str, Any]) -> None:
        self._task, self._request = task, Requests(task["requests"])
        self._statuses: Counter[int] = Counter()
        self._latencies: list[float] = []
        self._sent: list[tuple[int, float]] = []
        self._until_s = float("inf")
        self.lost = 0

    async def run(self) -> dict[str, Any]:
        """Send for the time asked for and return what came of it."""
        loop = asyncio.get_running_loop()
        connections = [
            (await loop.create_connection(lambda: Connection(self), "127.0.0.1", self._task["port"]))[1]
            for _ in range(self._task["connections"])
        ]
        send = self._paced if "per_s" in self._task else self._flat_out
        return await send(connections)

    async def _flat_out(self, connections: list[Connection]) -> dict[str, Any]:
        for connection in connections:
            connection.send(self._request()[0])
        await asyncio.sleep(_WARM_S)
        self._statuses.clear()
        self._latencies.clear()
        began_s, cpu_s = time.monotonic(), _cpu_s()
        await asyncio.sleep(self._task["seconds"])
        result = self._result(time.monotonic() - began_s, _cpu_s() - cpu_s)
        self._until_s = 0.0
        await self._quiet(connections)
        return result

    async def _paced(self, connections: list[Connection]) -> dict[str, Any]:
        began_s, cpu_s, per_s = time.monotonic(), _cpu_s(), self._task["per_s"]
        self._until_s = 0.0
        free = self._free(connections)
        for number in range(round(per_s * self._task["seconds"])):
            await asyncio.sleep(max(began_s + number / per_s - time.monotonic(), 0))
            while (connection := next(free)) is None:  # noqa: ASYNC110 - rare: all connections wait
                await asyncio.sleep(0.001)
            request, identity = self._request()
            connection.send(request)
            self._sent.append((identity, connection.sent_s))
        seconds, cpu_s = time.monotonic() - began_s, _cpu_s() - cpu_s
        await self._quiet(connections)
        return self._result(seconds, cpu_s) | {"sent": self._sent}

    def _free(self, connections: list[Connection]) -> Iterator[Connection | None]:
        while True:
            yield next((connection for connection in connections if not connection.busy), None)

    async def _quiet(self, connections: list[Connection]) -> None:
        async with asyncio.timeout(_DRAIN_S):
            while any(connection.busy for connection in connections) and not self.lost:  # noqa: ASYNC110 - at the end
                await asyncio.sleep(0.01)

    def answered(self, connection: Connection, status: int) -> None:
        """Count an answer, and send the next request at once unless there is a pace or the time is over."""
        now_s = time.monotonic()
        self._statuses[status] += 1
        self._latencies.append(now_s - connection.sent_s)
        if now_s < self._until_s:
            connection.send(self._request()[0])

    def _result(self, seconds: float, cpu_s: float) -> dict[str, Any]:
        ordered = sorted(self._latencies) or [0.0]
        return {
            "seconds": seconds,
            "requests": sum(self._statuses.values()),
            "statuses": {str(status): number for status, number in self._statuses.items()},
            "lost": self.lost,
            "p50_ms": ordered[len(ordered) // 2] * 1000,
            "p99_ms": ordered[int(0.99 * len(ordered))] * 1000,
            "cpu_s": cpu_s,
        }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main() -> None:
    """Say ready, wait for nothing, load, and print the result."""
    load = Load(orjson.loads(sys.stdin.buffer.readline()))
    print('"ready"', flush=True)
    print(orjson.dumps(await load.run()).decode(), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
