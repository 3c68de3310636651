import argparse
import asyncio
import signal
import sys

from deploy.errors import run_or_explain
from deploy.local import demo, stack
from deploy.local.progress import tell
from deploy.local.settings import load


async def up(*, with_demo: bool, leave: bool) -> int:
    """Run the stack until Ctrl-C or SIGTERM, or, when told to leave, until it is ready and the demo is over.

    A second signal ends the orderly stop: what runs is then killed with this process.
    """
    code = 1 if with_demo and leave else 0  # what is interrupted has shown nothing
    this = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: this and this.cancel())
    settings = load()
    try:
        async with stack.running(settings, tell) as running:
            tell("ready", f"{running.console} with the key {running.api_key}; all in {settings.dir / stack.STACK_FILE}")
            if with_demo:
                code = await demo.play(settings.dir.absolute() / stack.STACK_FILE)
                tell("demo", "every effect is there, once" if code == 0 else f"failed with exit code {code}")
            if not leave:
                tell("ready", "Ctrl-C stops the stack; its data stays")
                await asyncio.Event().wait()
    except asyncio.CancelledError:
        tell("stack", "stopped")
    return code


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="The whole system on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("up", help="start everything and stay")
    command.add_argument(
        "--demo", action="store_true", help="make a demo workspace, play interactions, check the result"
    )
    command.add_argument("--leave", action="store_true", help="stop when ready and, with --demo, when the demo is over")
    arguments = parser.parse_args()
    return run_or_explain(up(with_demo=arguments.demo, leave=arguments.leave))


if __name__ == "__main__":
    sys.exit(main())
