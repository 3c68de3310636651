"""Dead letters as the console gives them: chosen by a filter, listed, shown, replayed, deleted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import RenderableType

from services.cli.api import Api
from services.cli.display import table, text

PATH: Final = "/dead-letters"

Letter = Mapping[str, Any]


@Parameter(name="*", group="Which")
@dataclass(frozen=True, slots=True)
class Filter:
    """The options that choose dead letters: all that are given must match."""

    executor: Annotated[str | None, Parameter(help="tags, score, webhook, ...")] = None
    reason: Annotated[str | None, Parameter(help="permanent, exhausted, unknown_prospect, ...")] = None
    topic: Annotated[str | None, Parameter(help="Where the record was read from")] = None
    prospect: Annotated[str | None, Parameter(help="Id of the prospect whose record it is")] = None

    def query(self) -> dict[str, str]:
        """Return what the API is asked for."""
        asked = {
            "executor": self.executor,
            "reason": self.reason,
            "topic": self.topic,
            "prospect_id": self.prospect,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def words(self) -> str:
        """Say in words which are meant."""
        return ", ".join(f"{name} {value}" for name, value in self.query().items())


UNFILTERED: Final = Filter()


async def matching(api: Api, chosen: Filter) -> int:
    """Count the dead letters that match now."""
    return sum([len(page["items"]) async for page in api.pages(PATH, chosen.query())])


def listing(letters: Sequence[Letter]) -> RenderableType:
    """Return a table of some."""
    made = table("dead letter, from", "what is wrong", "since")
    made.columns[0].no_wrap = made.columns[2].no_wrap = True
    for letter in letters:
        origin = letter["executor"] or f"{letter['topic']}/{letter['partition']}/{letter['offset']}"
        asked = "\nits replay is under way" if letter.get("replayed_at") else ""
        made.add_row(
            text(f"{letter['id']}\n") + text(origin, "dim"),
            text(f"{letter['reason']}\n", "bold red") + text(letter["error"]) + text(asked, "yellow"),
            text(letter["first_time"][:16].replace("T", " ")),
        )
    return made


def details(letter: Letter) -> Iterator[RenderableType]:
    """Yield everything that is known of one."""
    made = table("", "", header=False)
    for name, value in letter.items():
        if value is not None:
            made.add_row(text(name.replace("_", " "), "dim"), text(_content(value)))
    yield made


def _content(value: object) -> object:
    """Return a value as it is shown: of bytes their text, or base64 where they are none."""
    return value.get("content", value) if isinstance(value, Mapping) else value
