"""The model shares no code with what it judges."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import model

_TESTS = Path(str(model.__file__)).parents[1]
_FILES = [*(_TESTS / "model").glob("*.py"), _TESTS / "support" / "criteria_interpreter.py"]
_ALLOWED = (*sys.stdlib_module_names, "tests.model", "tests.support.criteria_interpreter")


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
