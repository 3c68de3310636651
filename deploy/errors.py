"""What stops a deployment or the local stack: one clear sentence for whoever runs it."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, Final

EXIT_REFUSED: Final = 1


class DeployError(Exception):
    """Its text is shown as it is: what is wrong, and what to do. No traceback follows."""


def refusal(failures: ExceptionGroup) -> Exception:
    """Return the DeployError among the failures of a task group, or the group itself when a bug is among them."""
    if failures.split(DeployError)[1] is not None:
        return failures
    first: BaseException = failures
    while isinstance(first, ExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, DeployError) else failures


def run_or_explain(main: Coroutine[Any, Any, int | None]) -> int:
    """Run to the end and return the exit code; what a reader can mend is printed as one sentence."""
    try:
        return asyncio.run(main) or 0
    except (DeployError, OSError, KeyboardInterrupt, BaseExceptionGroup) as exc:
        print(f"error: {_sentence(exc)}", file=sys.stderr)
    return EXIT_REFUSED


def _sentence(exc: BaseException) -> str:
    match exc:
        case DeployError():
            return str(exc)
        case OSError():  # a full disk, a missing permission
            return f"{exc.strerror or exc}{f' ({exc.filename})' if exc.filename else ''}"
        case KeyboardInterrupt():
            return "interrupted"
        case BaseExceptionGroup():
            return _sentence(exc.exceptions[0])
        case _:
            raise exc
