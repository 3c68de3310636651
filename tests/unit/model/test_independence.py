"""The model shares no code with what it judges."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import model

_MODEL = Path(str(model.__file__)).parent
_FILES = [*_MODEL.glob("*.py"), _MODEL.parents[1] / "support" / "criteria_interpreter.py"]
_ALLOWED = (*sys.stdlib_module_names, "asyncpg", "tests.chaos.model", "tests.support.criteria_interpreter")
"""The checker reads the database; nothing here computes with the product's code."""


@pytest.mark.parametrize("file", _FILES, ids=lambda file: str(file.name))
def test_it_imports_the_standard_library_and_itself_only(file: Path) -> None:
    assert {
        name for name in _imported(file) if not f"{name}.".startswith(tuple(f"{root}." for root in _ALLOWED))
    } == set()


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
