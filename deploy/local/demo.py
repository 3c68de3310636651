"""Play the demo against the running stack, in front of the person at the terminal."""

import asyncio
import os
from pathlib import Path
from sys import executable
from typing import Final

from deploy.local.child import ROOT, leashed

MODULE: Final = "deploy.demo"
STACK_VARIABLE: Final = "FA_LOCAL__STACK"
"""Tells the demo which `stack.json` to read."""
_STOP_TIMEOUT_S: Final = 5.0


async def play(stack_file: Path) -> int:
    """Run the demo to its end and return its exit code: 0 when every expected effect is there once."""
    process = await asyncio.create_subprocess_exec(
        *leashed(executable, "-m", MODULE), cwd=ROOT, env={**os.environ, STACK_VARIABLE: str(stack_file)}
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
            except TimeoutError:
                process.kill()
