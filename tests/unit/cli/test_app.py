"""The command line itself: how it ends, and on which stream it says what."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.app import app
from tests.support.finish_command import finish

ROOT = Path(__file__).parents[3]


def test_no_stack_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "services.cli", "doctor"],
        env={"FA_CLI__STACK": str(tmp_path / "stack.json")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert ended.stderr.startswith(f"error: {tmp_path / 'stack.json'} is missing: no stack is running there")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["why", "not-a-uuid"], 'unable to convert "not-a-uuid" into UUID'),
        (["send", "--asett", "offer"], "there is no option --asett"),
        (["dead-letters", "lsit"], "lsit"),
    ],
)
def test_a_command_line_without_sense_is_exit_code_2_and_leaves_stdout_alone(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        app.parse_args(arguments)
    captured = capsys.readouterr()
    assert (end.value.code, captured.out) == (2, "")
    assert sentence in captured.err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    command, bound, _ = app.parse_args(["--help"])
    command(*bound.args, **bound.kwargs)
    shown = capsys.readouterr().out
    for name in ("send", "why", "topics", "doctor", "dead-letters"):
        assert name in shown


@pytest.mark.parametrize("setting", ["FA_CLI__TIMEOUT", "FA_CLI__TIMEOUT_S"])
async def test_a_setting_that_cannot_be_is_exit_code_78(
    setting: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(setting, "soon")
    with pytest.raises(SystemExit) as end:
        await finish("doctor")
    assert (end.value.code, capsys.readouterr().err.startswith(f"finish: {setting}: ")) == (78, True)
