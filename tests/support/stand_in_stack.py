"""The local stack with stand-ins for services, as a process of its own that a test may kill."""

import asyncio
import signal
import sys

from deploy.errors import run_or_explain
from deploy.local import stack
from deploy.local.progress import tell
from deploy.local.services import Service
from deploy.local.settings import load

TABLE = (
    Service("first", "tests.support.stand_in"),
    Service("second", "tests.support.stand_in", after=("first",)),
)


async def main() -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with stack.running(load(), tell, TABLE):
        await stop.wait()


if __name__ == "__main__":
    sys.exit(run_or_explain(main()))
