"""The image holds what its roles need and nothing else. There is no engine here: its recipe is read."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from deploy.role import EXIT_USAGE, ROLES, main
from tests.support.image import DOCKERFILE, stages
from tests.support.imports import ROOT, reached_from

COPIED = [
    source
    for stage in stages()
    for step in stage.steps
    if step.instruction == "COPY" and not step.words[0].startswith("--from=")
    for source in step.words[:-1]
]
LOCK = ROOT / "requirements" / "runtime.txt"
PINNED = {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", LOCK.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_s_module_exists(role: str) -> None:
    assert find_spec(ROLES[role].module)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_imports_only_what_the_image_copies(role: str) -> None:
    copied = [ROOT / source for source in COPIED]
    left_out = {
        str(file.relative_to(ROOT))
        for file in reached_from(ROLES[role].module).files
        if not any(file == source or source in file.parents for source in copied)
    }
    assert left_out == set(), f"name these in a COPY of {DOCKERFILE.relative_to(ROOT)}"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_needs_no_package_that_the_lock_of_the_image_lacks(role: str) -> None:
    provided_by = packages_distributions()
    lacking = {
        package
        for package in reached_from(ROLES[role].module).packages
        if not PINNED & {re.sub(r"[-_.]+", "-", name).lower() for name in provided_by.get(package, ())}
    }
    assert lacking == set(), "runtime code stands on [project] dependencies only, never on an extra"


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_exists_and_is_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    assert not _ignored(source)


@pytest.mark.parametrize("secret", [".env", "deploy/.env", ".local/api_key", ".git/config", "tests/conftest.py"])
def test_what_does_not_belong_into_an_image_never_reaches_the_engine(secret: str) -> None:
    assert _ignored(secret)


def test_the_image_runs_as_nobody_in_particular_and_by_one_entry_point() -> None:
    final = stages()[-1]
    (user,) = final.texts("USER")
    assert all(int(number) >= 10_000 for number in user.split(":")), (
        "a number, so that a cluster can see it is not root"
    )
    assert final.texts("ENTRYPOINT") == ['["/opt/venv/bin/python", "-m", "deploy.role"]']
    assert final.texts("CMD") == final.texts("HEALTHCHECK") == []


def test_the_image_installs_wheels_of_the_lock_alone_each_checked_against_its_hash() -> None:
    build, final = stages()
    installs = [step.words for step in build.steps if "install" in step.words]
    (install,) = installs
    assert {"--require-hashes", "--only-binary", "/tmp/runtime.txt"} <= set(install)
    assert final.texts("RUN") == [], "the last stage only copies"


def test_an_unknown_role_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["executor"])
    assert ended.value.code == EXIT_USAGE
    assert "executors" in capsys.readouterr().err


def test_a_role_is_given_the_rest_of_the_words() -> None:
    command = [sys.executable, "-m", "deploy.role", "executors", "unheard-of"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "invalid choice: 'unheard-of'" in ended.stderr


def _ignored(path: str) -> bool:
    """Tell whether the last line of .dockerignore that fits says so; a folder stands for all that is in it."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        named = [Path(path), *Path(path).parents]
        if pattern and not line.startswith("#") and any(fnmatch(str(each), pattern) for each in named if each.name):
            ignored = not line.startswith("!")
    return ignored
