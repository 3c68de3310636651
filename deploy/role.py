"""The one entry point of the image: its first word is a role, the rest are that role's own.

    python -m deploy.role ingest
    python -m deploy.role executors tags score

A role runs as `python -m <module>` would, in this very process, so that signals reach it and its exit code is the container's.
"""

import runpy
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

EXIT_USAGE: Final = 64
"""EX_USAGE of sysexits.h."""


@dataclass(frozen=True, slots=True)
class Role:
    """What runs, and the arguments that come before those of the command line."""

    module: str
    arguments: tuple[str, ...] = ()


ROLES: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "ingest": Role("services.ingest"),
        "relay": Role("services.relay"),
        "evaluator": Role("services.evaluator"),
        "executors": Role("services.executors"),
        "console": Role("services.console"),
        "history": Role("services.console", ("history",)),
        "migrate": Role("deploy.migrate"),
        "topics": Role("deploy.topics"),
        "admin-key": Role("deploy.admin_key"),
    }
)


def main(arguments: Sequence[str]) -> None:
    """Become the role, or say which there are."""
    role = ROLES.get(arguments[0]) if arguments else None
    if role is None:
        print(f"usage: <role> <argument>..., where the role is one of {', '.join(ROLES)}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)
    sys.argv[1:] = [*role.arguments, *arguments[1:]]
    runpy.run_module(role.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
