"""The `finish` command in the test's own process, and a stand-in server for what it speaks to."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from deploy.local.ports import free_port
from deploy.local.settings import HOST
from services.cli.app import app


async def finish(*arguments: str) -> int:
    """Carry out one command line and return its exit code. What a person would read as one sentence is raised."""
    command, bound, _ = app.parse_args(arguments)
    return int(await command(*bound.args, **bound.kwargs))


def json_lines(text: str) -> list[dict[str, Any]]:
    """Return what was printed as lines of JSON."""
    return [json.loads(line) for line in text.splitlines()]


def write_stack(file: Path, **stack: Any) -> None:
    """Write the file by which `finish` finds a deployment."""
    file.write_text(json.dumps(stack))


@asynccontextmanager
async def served(routes: Iterable[web.AbstractRouteDef]) -> AsyncIterator[str]:
    """Serve and yield the address."""
    application = web.Application()
    application.router.add_routes(routes)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        port = free_port()
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{port}"
    finally:
        await runner.cleanup()
