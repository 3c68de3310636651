"""What a person at the terminal sees: tables and JSON on stdout, progress and questions on stderr.

Values come from outside: markup in them is not read, and control characters are not passed on to the terminal.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

import orjson
from rich import box
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.prompt import Confirm
from rich.table import Table
from rich.text import Text

from deploy.errors import DeployError

_OUT: Final = Console(highlight=False)
_NOTES: Final = Console(stderr=True, highlight=False)

_STYLES: Final[Mapping[str, str]] = {
    "accepted": "cyan",
    "created": "cyan",
    "decided": "cyan",
    "settled": "green",
    "done": "green",
    "fired": "green",
    "ok": "green",
    "as declared": "green",
    "warning": "yellow",
    "uncertain": "yellow",
    "held": "yellow",
    "retrying": "yellow",
    "failed": "bold red",
    "dead": "bold red",
    "differs": "bold red",
    "refused": "bold red",
}
"""Of the words that say how something stands."""


class Advancing(Protocol):
    """A piece of work that goes on."""

    def advance(self, count: int = 1) -> None:
        """So much more is done."""


def text(value: object, style: str = "") -> Text:
    """Return a value as it may be shown; None is nothing."""
    shown = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Text("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in shown), style)


def state(word: str) -> Text:
    """Return a word that says how something stands, in its colour."""
    return text(word, _STYLES.get(word, ""))


def table(*columns: str, header: bool = True) -> Table:
    """Return an empty table whose cells fold: an id is never cut."""
    made = Table(box=box.SIMPLE_HEAD if header else None, show_header=header, show_edge=False, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def show(*renderables: RenderableType) -> None:
    """Print on stdout."""
    for renderable in renderables:
        _OUT.print(renderable)


def show_json(value: Any) -> None:
    """Print one line of JSON on stdout."""
    sys.stdout.write(orjson.dumps(value).decode() + "\n")


def note(words: str) -> None:
    """Print on stderr."""
    _NOTES.print(text(words), soft_wrap=True)


@contextmanager
def progress(name: str, total: int | None, *, beside_output: bool = False) -> Iterator[Advancing]:
    """Show a bar on stderr while the work lasts, when a person looks. No total: only the count.

    `beside_output`: something is printed meanwhile, which would tear the bar where both go to one terminal.
    """
    hidden = not _NOTES.is_terminal or (beside_output and _OUT.is_terminal)
    columns = (TextColumn(name), BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=_NOTES, disable=hidden, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bars:
        yield _Bar(bars, total)


class _Bar:
    def __init__(self, bars: Progress, total: int | None) -> None:
        self._bars, self._task = bars, bars.add_task("", total=total)

    def advance(self, count: int = 1) -> None:
        self._bars.advance(self._task, count)


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask, unless it was said already. Raises DeployError when nobody is there to answer."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise DeployError(f"{question} Nobody is here to answer: say --yes")
    return Confirm.ask(text(question), console=_NOTES, default=False)
