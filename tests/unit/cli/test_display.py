"""What is printed where: results on stdout whatever else is shown."""

import io
import sys

import pytest
from rich.console import Console

from deploy.errors import DeployError
from services.cli import display


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Stand in for a terminal on stderr."""
    file = io.StringIO()
    monkeypatch.setattr(display, "_NOTES", Console(file=file, force_terminal=True, width=80))
    return file


def test_a_bar_on_stderr_leaves_stdout_to_the_results(notes: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    stdout = sys.stdout
    with display.progress("sent", 2, beside_output=True) as bar:
        display.show_json({"a": 1})
        bar.advance(2)
        assert sys.stdout is stdout
    assert capsys.readouterr().out == '{"a":1}\n'
    assert "sent" in notes.getvalue()


def test_where_nobody_looks_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with display.progress("sent", None) as bar:
        bar.advance()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize(("answer", "said"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_a_question_is_answered_at_the_terminal(
    notes: io.StringIO, monkeypatch: pytest.MonkeyPatch, answer: str, said: bool
) -> None:
    stdin = io.StringIO(answer)
    monkeypatch.setattr(stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert display.confirmed("Delete 2?", yes=False) is said
    assert "Delete 2?" in notes.getvalue()


def test_without_a_terminal_only_an_option_says_yes() -> None:
    assert display.confirmed("Delete 2?", yes=True)
    with pytest.raises(DeployError, match="say --yes"):
        display.confirmed("Delete 2?", yes=False)
