"""`finish send`."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

from cyclopts import Parameter
from rich.console import RenderableType

from deploy.errors import DeployError
from services.cli.address import HERE, Where, find
from services.cli.api import connected
from services.cli.display import progress, show, show_json, table, text
from services.cli.events import Event, Refusal, complete, data_of, item_of, read_lines
from services.cli.sending import Accepted, Result
from services.cli.sending import send as send_all

_STDIN: Final = Path("-")


@Parameter(name="*", group="Interaction")
@dataclass(frozen=True, slots=True)
class Told:
    """The options that say what happened."""

    type: Annotated[str | None, Parameter(help="redirect_link.clicked, list_email.opened, ...")] = None
    asset: Annotated[str | None, Parameter(help="Id of the asset")] = None
    prospect: Annotated[str | None, Parameter(help="Id of the prospect")] = None
    email: Annotated[str | None, Parameter(help="Address of the prospect, instead of the id")] = None
    data: Annotated[
        list[str] | None,
        Parameter(help="name=text, name:=json or form.name=text; may be repeated", consume_multiple=False),
    ] = None
    id: Annotated[str | None, Parameter(help="Event id: the same again is a retry; default: a fresh one")] = None
    source: Annotated[str, Parameter(help="Who says so; default: finish")] = "finish"
    time: Annotated[str | None, Parameter(help="When it happened, ISO 8601; default: now")] = None

    def event(self) -> Event:
        """Return what is told as an event, with gaps. Raises DeployError."""
        said = {
            "type": self.type,
            "subject": self.asset,
            "prospectid": self.prospect,
            "id": self.id,
            "source": self.source,
            "time": self.time,
            "data": data_of([*(self.data or ()), *([f"email={self.email}"] if self.email else [])]) or None,
        }
        return {name: value for name, value in said.items() if value is not None}


_NOTHING: Final = Told()


def _no_option(_type: object, file: Path | None) -> None:
    """Refuse what looks like an option: the parser lets it pass for the sake of the lone hyphen."""
    if file is not None and file != _STDIN and str(file).startswith("-"):
        raise ValueError(f"there is no option {file}")


async def send(
    file: Annotated[
        Path | None,
        Parameter(
            help="JSON lines, one interaction each; - reads stdin", allow_leading_hyphen=True, validator=_no_option
        ),
    ] = None,
    /,
    *,
    told: Told = _NOTHING,
    json: Annotated[bool, Parameter(help="One line of JSON per interaction")] = False,
    where: Where = HERE,
) -> int:
    """Send one interaction, or a file of them.

    With a file the options fill in what its lines do not say. Give its events ids: sending the file again is then harmless.
    """
    event = told.event()
    if file is not None and told.id is not None:
        raise DeployError("--id names one interaction: the lines of a file have their own")
    if file is None and not {"type", "subject"} <= event.keys():
        raise DeployError("what happened to which asset? Give --type and --asset, or a file of interactions")
    address = find(where)
    report = _Report(json=json, rows_max=address.cli.rows_shown_max)
    with ExitStack() as stack:
        lines = None if file is None else _opened(file, stack)
        items = iter([item_of(1, complete(event))]) if lines is None else read_lines(lines, event)
        total = None if lines is None else _count(lines)
        stack.callback(report.tell)
        bar = stack.enter_context(progress("sent", total, beside_output=json))
        async with connected(address) as api:
            async for results in send_all(api, items):
                report.add(results)
                bar.advance(len(results))
    return 1 if report.refused else 0


def _opened(file: Path, stack: ExitStack) -> BinaryIO:
    if file == _STDIN:
        return sys.stdin.buffer
    try:
        return stack.enter_context(file.open("rb"))
    except OSError as exc:
        raise DeployError(f"{file} cannot be read: {exc.strerror}") from None


def _count(lines: BinaryIO) -> int | None:
    """Return how many events a file has; of what cannot be read twice nobody knows."""
    if not lines.seekable():
        return None
    count = sum(1 for line in lines if line.strip())
    lines.seek(0)
    return count


class _Report:
    """What became of the events: JSON at once, or a table of the first ones at the end, also when sending breaks off."""

    def __init__(self, *, json: bool, rows_max: int) -> None:
        self._json, self._rows_max = json, rows_max
        self._counts = Counter[type[Any]]()
        self._shown: list[Result] = []

    @property
    def refused(self) -> int:
        """How many were refused."""
        return self._counts[Refusal]

    def add(self, results: list[Result]) -> None:
        """Take what became of some."""
        for result in results:
            self._counts[type(result)] += 1
            if self._json:
                show_json(_as_json(result))
            elif self._counts[type(result)] <= self._rows_max:
                self._shown.append(result)

    def tell(self) -> None:
        """Show the table."""
        if self._shown:
            show(*self._tables())

    def _tables(self) -> Iterator[RenderableType]:
        accepted = [result for result in self._shown if isinstance(result, Accepted)]
        refused = [result for result in self._shown if isinstance(result, Refusal)]
        if accepted:
            made = table("uid", "version", "event id")
            made.columns[0].no_wrap = True
            for each in accepted:
                made.add_row(text(each.uid), text(each.version), text(each.id))
            yield from (made, *self._more(Accepted, len(accepted)))
        if refused:
            made = table("line", "event id", "at", "refused because it")
            for one in refused:
                for pointer, detail in one.errors:
                    made.add_row(text(one.line), text(one.id), text(pointer or "/"), text(detail, "red"))
            yield from (made, *self._more(Refusal, len(refused)))
        if sum(self._counts.values()) > 1:
            yield text(f"{self._counts[Accepted]} accepted, {self._counts[Refusal]} refused")
        elif accepted:
            yield text(f"Why it did what it did: finish why --wait {accepted[0].uid}", "dim")

    def _more(self, kind: type[Any], shown: int) -> list[RenderableType]:
        left = self._counts[kind] - shown
        return [text(f"and {left} more", "dim")] if left else []


def _as_json(result: Result) -> dict[str, Any]:
    if isinstance(result, Accepted):
        return {"line": result.line, "id": result.id, "uid": result.uid, "actionlistversion": result.version}
    errors = [{"pointer": pointer, "detail": detail} for pointer, detail in result.errors]
    return {"line": result.line, "id": result.id, "errors": errors}
