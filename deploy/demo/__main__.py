import argparse
import os
import sys
from pathlib import Path

from deploy.demo.run import demo
from deploy.errors import run_or_explain

_STACK_VARIABLE = "FA_LOCAL__STACK"
_FOLDER_VARIABLE = "FA_LOCAL__DIR"


def _stack_file() -> Path:
    folder = os.environ.get(_FOLDER_VARIABLE) or ".local"
    return Path(os.environ.get(_STACK_VARIABLE) or Path(folder) / "stack.json")


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.demo", description="Make a workspace, play, check all of it."
    )
    parser.add_argument("stack", nargs="?", type=Path, default=_stack_file(), help="stack.json of the running stack")
    parser.add_argument("--prospects", type=int, default=1000)
    parser.add_argument("--interactions", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same people and the same script")
    arguments = parser.parse_args()
    return run_or_explain(demo(arguments.stack, arguments.prospects, arguments.interactions, arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
