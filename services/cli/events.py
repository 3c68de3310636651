"""Interactions to send: one from options, or many from JSON lines, whose gaps the options fill."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Final

import orjson

from deploy.errors import DeployError
from schemas.interactions import BATCH_MAX_BYTES, BATCH_MAX_EVENTS, SIZE_MAX_BYTES

_BRACKETS: Final = 2
_ID_BYTES: Final = 12
_FORM: Final = "form."

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """An event, the line that it came from, and the bytes that it adds to a batch."""

    line: int
    event: Event
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """What will not be accepted as it is, and why: a pointer into the event, and a rule. `id` is the event's, if it has one."""

    line: int
    id: str | None
    errors: tuple[tuple[str, str], ...]


def complete(event: Event) -> Event:
    """Return the event with what every event must have: a fresh id, the present time."""
    fresh = {"specversion": "1.0", "id": token_hex(_ID_BYTES), "time": datetime.now(UTC).isoformat()}
    return fresh | event


def item_of(line: int, event: Event) -> Item | Refusal:
    """Return the event as an item of a batch, or why it cannot be one."""
    size_bytes = len(orjson.dumps(event)) + 1
    if size_bytes > SIZE_MAX_BYTES:
        return Refusal(line, _id(event), (("", f"is larger than {SIZE_MAX_BYTES} bytes"),))
    return Item(line, event, size_bytes)


def read_lines(lines: Iterable[bytes], gaps: Event) -> Iterator[Item | Refusal]:
    """Read one event from each line that is not blank; what a line does not say, `gaps` say."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = orjson.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict):
            yield item_of(number, complete(gaps | event))
        else:
            yield Refusal(number, None, (("", "is not a JSON object"),))


def batches(items: Iterable[Item | Refusal]) -> Iterator[list[Item | Refusal]]:
    """Gather what comes, in order, into batches that ingest takes."""
    batch: list[Item | Refusal] = []
    size_bytes = _BRACKETS
    for item in items:
        more = item.size_bytes if isinstance(item, Item) else 0
        if batch and (len(batch) == BATCH_MAX_EVENTS or size_bytes + more > BATCH_MAX_BYTES):
            yield batch
            batch, size_bytes = [], _BRACKETS
        batch.append(item)
        size_bytes += more
    if batch:
        yield batch


def data_of(pairs: Sequence[str]) -> dict[str, Any]:
    """Return `data` of pairs: `name=text` or `name:=json`, and `form.name=...` for a form's field. Raises DeployError."""
    data: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.rstrip(":"):
            raise DeployError("--data takes name=text or name:=json")
        place = data.setdefault("form", {}) if name.startswith(_FORM) else data
        place[name.rstrip(":").removeprefix(_FORM)] = _json(name, value) if name.endswith(":") else value
    return data


def _json(name: str, value: str) -> Any:
    try:
        return orjson.loads(value)
    except ValueError:
        raise DeployError(f"--data {name}= is followed by what is not JSON") from None


def _id(event: Event) -> str | None:
    found = event.get("id")
    return found if isinstance(found, str) else None
