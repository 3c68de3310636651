"""The local stack as a process of its own, on free ports and in a folder of its own, which a test may kill."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from tests.support.eventually import eventually

STAND_INS = ("tests.support.stand_in_stack",)
"""Services without business."""
REAL = ("deploy.local", "up")
PORTS = ("INGEST", "CONSOLE", "MAIL", "SMTP", "KAFKA", "POSTGRES", "OPS")
START_DEADLINE_S = 90.0


def environment(folder: Path, **values: str) -> dict[str, str]:
    """Return the environment of a stack in this folder; `values` are told to it, too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FA_") and name != "DATABASE_URL"}
    ports = {f"FA_LOCAL__{name}_PORT": "0" for name in PORTS}
    return {**kept, **ports, "FA_LOCAL__DIR": str(folder), "FA_LOCAL__DURABLE": "0", **values}


@asynccontextmanager
async def stack_process(
    env: Mapping[str, str], module: tuple[str, ...] = STAND_INS
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run it, and end it at the end."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *module, env=env, stdout=sys.stderr.fileno())
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def told(folder: Path) -> dict[str, str]:
    """Return what `stack.json` says once it is there."""
    file = folder / "stack.json"
    await eventually(file.exists, START_DEADLINE_S)
    answer: dict[str, str] = json.loads(file.read_text())
    return answer


def alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def stack_of(folder: Path) -> int | None:
    """Return the pid of the stack that is ready in this folder."""
    file = folder / "stack.json"
    return json.loads(file.read_text())["pid"] if file.exists() else None
