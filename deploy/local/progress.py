"""What a person at the terminal reads: one line per step."""

from typing import Final

from rich.console import Console
from rich.markup import escape

_NAME_WIDTH: Final = 10
_console: Final = Console(highlight=False, soft_wrap=True)


def tell(name: str, text: str) -> None:
    """Show what became of one part of the stack."""
    _console.print(f"[bold cyan]{escape(name):<{_NAME_WIDTH}}[/] {escape(text)}")
