"""`deploy/environment.py`, which makes the virtual environment: what stands in its way is one sentence, whatever Python runs it."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "environment.py"
NOWHERE = "http://127.0.0.1:1/"
OLD = "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); runpy.run_path(sys.argv[1], run_name='__main__')"
DISK_FULL = "echo 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device'; exit 1"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A project of its own with one requirement, whose virtual environment is made and empty."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "local.txt").write_text(f"no-such-package==1.0 --hash=sha256:{'0' * 64}\n")
    (tmp_path / "requirements" / "dev.txt").touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "pip").touch()
    python_is(tmp_path, f'exec {sys.executable} "$@"')
    return Path(shutil.copy(SCRIPT, tmp_path / "deploy"))


def python_is(project: Path, command: str) -> None:
    python = project / ".venv" / "bin" / "python"
    python.write_text(f"#!/bin/sh\n{command}\n")
    python.chmod(0o755)


def refusal(*arguments: str | Path) -> str:
    """Run Python and return the one sentence that it must refuse with."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    env = kept | {"PIP_INDEX_URL": NOWHERE, "PIP_EXTRA_INDEX_URL": "", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done
    return done.stderr


def test_a_python_that_is_too_old_can_read_the_script_and_is_told_which_it_takes(script: Path) -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 7))
    said = refusal("-c", OLD, script, "local")
    assert said == "error: Python 3.11 or newer is needed, this is 3.9.2: name another, say make PYTHON=python3.12\n"


def test_an_unreachable_package_index_is_one_sentence(script: Path) -> None:
    assert refusal(script, "local").startswith("error: the package index cannot be reached: ")


def test_a_full_disk_is_one_sentence(script: Path, tmp_path: Path) -> None:
    python_is(tmp_path, DISK_FULL)
    assert refusal(script, "local") == f"error: the disk is full: {tmp_path / '.venv'} cannot be written\n"
