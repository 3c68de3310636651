"""Places where a crash test may kill the process: `failpoint("ingest.before-ack")` stands at each step boundary.

`FA_FAIL=<name>:<n>:<what>`, several with commas, arms them: at the n-th pass the process is killed with SIGKILL (`kill`),
ends with code 70 (`exit`) or meets an error (`raise`). Unset, a pass costs one look at an empty dict.
"""

import os
import signal
from typing import Final, Literal, NoReturn, cast, get_args

What = Literal["kill", "raise", "exit"]

EXIT_FAILPOINT: Final = 70
_armed: dict[str, tuple[int, What]] = {}


class FailpointError(Exception):
    """The error of an armed failpoint. Of no known kind, as a bug's would be."""


def failpoint(name: str) -> None:
    """Pass a step boundary. Names are `<service>.<before|after>-<step>`."""
    if _armed:
        _pass(name)


def _pass(name: str) -> None:
    if name not in _armed:
        return
    left, what = _armed[name]
    if left > 1:
        _armed[name] = (left - 1, what)
        return
    del _armed[name]
    _strike(name, what)


def _strike(name: str, what: What) -> NoReturn:
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "exit":
        os._exit(EXIT_FAILPOINT)
    raise FailpointError(name)


def arm(text: str) -> None:
    """Arm exactly what the text says, in the form of `FA_FAIL`. Raises ValueError for another form."""
    armed: dict[str, tuple[int, What]] = {}
    for item in filter(None, text.split(",")):
        name, count, what = item.rsplit(":", 2)
        if what not in get_args(What) or int(count) < 1:
            raise ValueError(f"FA_FAIL: {item} is not name:n:kill, name:n:raise or name:n:exit")
        armed[name] = (int(count), cast("What", what))
    _armed.clear()
    _armed.update(armed)


def armed() -> list[str]:
    """Return the names that are armed, for the log: a production process has none."""
    return sorted(_armed)


arm(os.environ.get("FA_FAIL", ""))
