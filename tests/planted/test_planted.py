"""Defects that are planted are found: a few in every run, all by `make planted`."""

from typing import Final

import pytest

from deploy.local.child import ROOT
from tests.planted.__main__ import changed, search
from tests.planted.bugs import BUGS, RIG_BUGS, Bug

SAMPLE: Final = (
    "a checkpoint is one record ahead",
    "commands are sent without their decisions",
    "a snapshot forgets pending effects",
    "the ledger is not asked",
    "offsets run ahead of the ledger",
)


@pytest.mark.parametrize("bug", [*BUGS, *(bug for bug, _ in RIG_BUGS)], ids=lambda bug: bug.name)
def test_each_can_be_planted(bug: Bug) -> None:
    file = ROOT / bug.file
    with_it = changed(file.read_text(encoding="utf-8"), bug)
    if file.suffix == ".py":
        compile(with_it, bug.file, "exec")


@pytest.mark.parametrize("name", SAMPLE)
def test_it_is_found(name: str) -> None:
    (bug,) = (each for each in BUGS if each.name == name)
    assert search(bug) is not None, f"nothing was found: {name}"


def test_there_are_thirty_by_different_names() -> None:
    names = [bug.name for bug in (*BUGS, *(bug for bug, _ in RIG_BUGS))]
    assert len(set(names)) == len(names) >= 30
