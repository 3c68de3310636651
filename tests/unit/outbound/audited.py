"""Calls URLs whose names lead where the test says, while an audit hook watches every `socket.connect`; prints what it saw.

It reads one JSON object: {"allow": "host:port,...", "names": {name: [[address, ...], ...]}, "urls": [...]}; each look at a name
takes the next of its answers, the last one for ever.
"""

import asyncio
import sys
from typing import Any

import orjson
from aiohttp.abc import AbstractResolver, ResolveResult

from services.chassis.errors import PermanentError, RetryableError
from services.outbound.calling import caller
from services.outbound.settings import Webhook

CONNECTED: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        CONNECTED.append(str(arguments[1][0]))


class Names(AbstractResolver):
    """Answers what it is told."""

    def __init__(self, names: dict[str, list[list[str]]]) -> None:
        self._names = names

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        answers = self._names[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(hostname=host, host=each, port=port, family=10 if ":" in each else 2, proto=6, flags=4)
            for each in found
        ]

    async def close(self) -> None:
        pass


async def main() -> None:
    asked = orjson.loads(sys.stdin.buffer.read())
    settings = Webhook.model_validate({"allow": asked["allow"], "connect_timeout_s": 0.3, "total_timeout_s": 0.6})
    ends = []
    async with caller(settings, Names(asked["names"])) as http:
        for url in asked["urls"]:
            try:
                ends.append(str((await http.call("POST", url, {}, b"{}")).status))
            except PermanentError as exc:
                ends.append(f"permanent: {exc.reason}")
            except RetryableError as exc:
                ends.append(f"retryable: {exc.reason}")
    sys.stdout.write(orjson.dumps({"connected": CONNECTED, "ends": ends}).decode())


if __name__ == "__main__":
    sys.addaudithook(watch)
    asyncio.run(main())
