"""The command line: which words name which command, and how it ends.

Exit codes: 0, all is as asked for; 1, something was refused or failed, with one sentence on stderr; 2, the command line
itself makes no sense; 78, a setting of the environment does not.
"""

import inspect
import logging
import sys
from collections.abc import Sequence
from typing import Final

import structlog
from cyclopts import App, Parameter
from rich.console import Console

from deploy.errors import run_or_explain
from services.cli.commands import dead_letters, topics
from services.cli.commands.doctor import doctor
from services.cli.commands.send import send
from services.cli.commands.why import why

app: Final = App(
    name="finish",
    help="Finish Actions at the command line. Without further options: the local stack that `make run` started.",
    help_format="plaintext",
    version_flags=[],
    default_parameter=Parameter(negative=(), show_default=False),
    error_console=Console(stderr=True),
)
app.command(send)
app.command(why)
app.command(topics.app)
app.command(doctor)
app.command(dead_letters.app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line and return the exit code."""
    _quiet()
    command, bound, _ = app.parse_args(arguments)
    result = command(*bound.args, **bound.kwargs)
    return run_or_explain(result) if inspect.iscoroutine(result) else 0


def _quiet() -> None:
    """Leave stdout to tables and JSON: what libraries have to say of a server that is away, the command says."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
