"""Sends events in batches. One bad item refuses its whole batch, so what is named as bad is set aside and the rest is
sent again, with the same ids; a refusal that names no item ends the sending."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.cli.api import Refused
from services.cli.events import Event, Item, Refusal, batches


class Ingest(Protocol):
    """Where events are posted."""

    async def post_events(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        """Post and return what was accepted, in order. Raises Refused."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """What one event became, and the list's version that decides it."""

    line: int
    id: str
    uid: str
    version: int


Result = Accepted | Refusal


async def send(ingest: Ingest, items: Iterable[Item | Refusal]) -> AsyncIterator[list[Result]]:
    """Yield what became of each batch, in the order of its lines. Raises DeployError when it cannot go on."""
    for batch in batches(items):
        refused = {item.line: item for item in batch if isinstance(item, Refusal)}
        accepted = await _send_batch(ingest, [item for item in batch if isinstance(item, Item)], refused)
        yield [refused.get(item.line) or accepted[item.line] for item in batch]


async def _send_batch(ingest: Ingest, items: list[Item], refused: dict[int, Refusal]) -> dict[int, Accepted]:
    while items:
        try:
            answers = await ingest.post_events([item.event for item in items])
        except Refused as refusal:
            bad = _named(refusal, items)
            if not bad:
                raise
            refused |= bad
            items = [item for item in items if item.line not in bad]
        else:
            return {item.line: _accepted(item, answer) for item, answer in zip(items, answers, strict=True)}
    return {}


def _accepted(item: Item, answer: Mapping[str, Any]) -> Accepted:
    return Accepted(item.line, answer["id"], answer["uid"], answer["actionlistversion"])


def _named(refusal: Refused, items: Sequence[Item]) -> dict[int, Refusal]:
    """Return by line what the answer says of single items; a lone event is posted bare, with pointers into itself."""
    said: dict[int, list[tuple[str, str]]] = {}
    for pointer, detail in refusal.errors:
        index, inside = (0, pointer) if len(items) == 1 else _split(pointer)
        if index in range(len(items)):
            said.setdefault(items[index].line, []).append((inside, detail))
    return {
        item.line: Refusal(item.line, str(item.event["id"]), tuple(said[item.line]))
        for item in items
        if item.line in said
    }


def _split(pointer: str) -> tuple[int, str]:
    """Return which item of the batch a pointer names, -1 for none, and the pointer inside it."""
    number, slash, inside = pointer.removeprefix("/").partition("/")
    return int(number) if number.isdecimal() else -1, slash + inside
