"""What a person sees while the demo runs: bars at a terminal, plain lines anywhere else."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LINE_EVERY_S: Final = 3.0


class Phase(Protocol):
    """A piece of work that goes on."""

    def advance(self, count: int = 1) -> None:
        """So much more is done."""

    def remark(self, text: str) -> None:
        """Show a few words beside it."""


class Screen:
    """One for the whole run."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)

    def say(self, text: str = "") -> None:
        """Show a line."""
        self._console.print(text, markup=False)

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator[Phase]:
        """Show a phase while it lasts."""
        if not sys.stdout.isatty():
            phase = _Lines(self._console, name, total)
            yield phase
            phase.end()
            return
        columns = (
            TextColumn(f"{name:<28}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[remark]}"),
        )
        with Progress(*columns, console=self._console) as progress:
            yield _Bar(progress, total)


class _Bar:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total, remark="")

    def advance(self, count: int = 1) -> None:
        self._progress.advance(self._task, count)

    def remark(self, text: str) -> None:
        self._progress.update(self._task, remark=text)


class _Lines:
    def __init__(self, console: Console, name: str, total: int) -> None:
        self._console, self._name, self._total = console, name, total
        self._done, self._remark = 0, ""
        self._began = self._told = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self._done += count
        if time.monotonic() - self._told > _LINE_EVERY_S:
            self._tell()

    def remark(self, text: str) -> None:
        self._remark = text

    def end(self) -> None:
        self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        line = f"{self._name:<28} {self._done}/{self._total} in {self._told - self._began:.1f} s"
        self._console.print(f"{line}  {self._remark}".rstrip(), markup=False)
