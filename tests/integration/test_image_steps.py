"""The image's steps, carried out without an engine: what is installed, copied and compiled is what every role runs from."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import copy, copytree

import pytest

from deploy.role import ROLES
from services.chassis.settings import EXIT_CONFIGURATION
from tests.support.image import Step, stages
from tests.support.imports import ROOT

pytestmark = pytest.mark.slow

ARGUMENTS = {"executors": ("tags", "score")}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Carry out the first stage below a folder that stands for the root, and return the folder."""
    root = tmp_path_factory.mktemp("image")
    (root / "tmp").mkdir()
    at = root
    for step in stages()[0].steps:
        match step.instruction:
            case "WORKDIR":
                at = root / step.text.lstrip("/")
                at.mkdir(parents=True)
            case "COPY":
                _copy(step, at, root)
            case "RUN":
                subprocess.run(_below(root, step.words), cwd=at, check=True, timeout=600)
            case other:
                raise AssertionError(f"not known how to do {other} here")
    return root


@pytest.mark.parametrize("role", ROLES)
def test_every_role_starts_as_far_as_its_settings(image: Path, role: str) -> None:
    app = image / "opt" / "finish"
    before = set(app.rglob("*"))
    (entry,) = [step for step in stages()[-1].steps if step.instruction == "ENTRYPOINT"]
    ended = subprocess.run(
        [*_below(image, entry.words), role, *ARGUMENTS.get(role, ())],
        cwd=app,
        env={"FA_KAFKA__MISTYPED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == EXIT_CONFIGURATION, ended.stderr
    assert "FA_KAFKA__MISTYPED" in ended.stderr
    assert set(app.rglob("*")) == before, "the root may be read-only"


def test_every_module_is_compiled(image: Path) -> None:
    sources = list((image / "opt" / "finish").rglob("*.py"))
    compiled = [path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc" for path in sources]
    assert sources
    assert [path for path in compiled if not path.exists()] == []


def _below(root: Path, words: Sequence[str]) -> list[str]:
    program, *rest = (str(root / word.lstrip("/")) if word.startswith(("/opt/", "/tmp/")) else word for word in words)
    return [sys.executable if program == "python" else program, *rest]


def _copy(step: Step, at: Path, root: Path) -> None:
    *sources, target = step.words
    for source in (ROOT / name for name in sources):
        to = root / target.lstrip("/") if target.startswith("/") else at / target
        if source.is_dir():
            copytree(source, to, ignore=lambda _, names: [name for name in names if name == "__pycache__"])
        else:
            to = to / source.name if target.endswith("/") else to
            to.parent.mkdir(parents=True, exist_ok=True)
            copy(source, to)
