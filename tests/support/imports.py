"""Which modules a module reaches: ours as names, those of others as top-level packages. Read from the sources, nothing runs."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_OURS: Final = ("core", "deploy", "schemas", "services", "tests")


@dataclass(frozen=True, slots=True)
class Reached:
    """What one module needs to be imported, itself and its packages included."""

    files: set[Path] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)


@cache
def reached_from(module: str) -> Reached:
    """Follow the imports of a module of ours, those inside functions included. A package is reached by its `__main__`."""
    reached = Reached()
    package = _file(f"{module}.__main__")
    _follow(module if package is None else f"{module}.__main__", reached)
    return reached


def _follow(module: str, reached: Reached) -> None:
    for name in _with_packages(module):
        file = _file(name)
        if file is None or file in reached.files:
            continue
        reached.files.add(file)
        for imported in _imported(file):
            top = imported.partition(".")[0]
            if top in _OURS:
                _follow(imported, reached)
            elif top not in sys.stdlib_module_names:
                reached.packages.add(top)


def _with_packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _file(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
