"""What this code is and runs on."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from core.decisions import STEP_VERSION
from services.cli.doctor.findings import Finding

_LIBRARIES: Final = ("aiokafka", "faust-streaming", "asyncpg")


def examine_versions() -> list[Finding]:
    """Name the versions of Python, of the libraries that carry guarantees, and of the machine's semantics."""
    libraries = ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)
    return [Finding("ok", "versions", f"Python {platform.python_version()}, step {STEP_VERSION}, {libraries}")]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
