"""What a path such as `original.score` or `event.form.company` reads, and of which type it is.

A read gives a JSON-able value, or None where there is nothing. What a record was before it was created is missing.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, Literal

from core.records import Interaction
from core.values import Values
from schemas.field_catalogue import ATTRIBUTES, EVENT_ATTRIBUTES, RECORD_EVENT_ATTRIBUTES, AttributeType

Read = Callable[[Values, Interaction], Any]
PathType = AttributeType | Literal["open"]
"""`open`: what a form or a tracker sends has no declared type; operator and operand decide how it is read."""

_ENVELOPE: Final = {"uid", "type", "subject", "time", "source"}
_CREATED: Final = "prospect.created"


def type_of(path: str, types: Mapping[str, str]) -> str | None:
    """Return the type of what `path` reads, None when there is no such path. `types`: those of the catalogue's fields."""
    scope, _, name = path.partition(".")
    if scope == "original":
        return ATTRIBUTES.get(name) or types.get(name)
    if scope != "event":
        return None
    part, _, rest = name.partition(".")
    match part:
        case "form" | "data":
            return "open" if rest else None
        case "before" | "after":
            return ATTRIBUTES.get(rest) or types.get(rest)
        case _:
            return EVENT_ATTRIBUTES.get(name) or RECORD_EVENT_ATTRIBUTES.get(name)


def attribute(path: str) -> str | None:
    """Return the record's attribute behind `original.x`, `event.before.x` and `event.after.x`; None for other paths."""
    for scope in ("original.", "event.before.", "event.after."):
        if path.startswith(scope):
            return path.removeprefix(scope)
    return None


def is_of_record_change(path: str) -> bool:
    """Say whether only the triggers of the asset `prospect` give `path` a value."""
    return path.startswith(("event.before.", "event.after.")) or (
        path.removeprefix("event.") in RECORD_EVENT_ATTRIBUTES and path.startswith("event.")
    )


@lru_cache(maxsize=16_384)
def read(path: str) -> Read:
    """Return what reads `path`. Raises ValueError on a path that cannot exist."""
    scope, _, name = path.partition(".")
    if scope == "original":
        return _original(name)
    if scope != "event":
        raise ValueError(f"{path} is neither original.* nor event.*")
    part, _, rest = name.partition(".")
    match part:
        case "form" if rest:
            return lambda _, interaction: _form(interaction, rest)
        case "data" if rest:
            return lambda _, interaction: interaction.data.get(rest)
        case "before" if rest:
            return _before(_attribute(rest))
        case "after" if rest:
            return _after(_attribute(rest))
        case _:
            return _event(name)


def _original(name: str) -> Read:
    if name not in ATTRIBUTES:
        return lambda values, _: values.fields.get(name)  # the hot one: no call in between
    of = _attribute(name)
    return lambda values, _: of(values)


def _attribute(name: str) -> Callable[[Values], Any]:
    if name == "lists":
        return lambda values: values.attribute("lists")
    return attrgetter(name) if name in ATTRIBUTES else lambda values: values.fields.get(name)


def _form(interaction: Interaction, name: str) -> Any:
    form = interaction.data.get("form")
    return form.get(name) if isinstance(form, dict) else None


def _before(of: Callable[[Values], Any]) -> Read:
    def before(_: Values, interaction: Interaction) -> Any:
        change = interaction.change
        return None if change is None or interaction.type == _CREATED else of(change.before)

    return before


def _after(of: Callable[[Values], Any]) -> Read:
    return lambda _, interaction: None if interaction.change is None else of(interaction.change.after)


def _event(name: str) -> Read:
    match name:
        case "changed":
            return lambda _, interaction: _changed(interaction)
        case "depth":
            return lambda _, interaction: None if interaction.change is None else interaction.depth
        case _ if name in RECORD_EVENT_ATTRIBUTES:
            of_change = attrgetter(name)
            return lambda _, interaction: None if interaction.change is None else of_change(interaction.change)
        case _ if name in _ENVELOPE:
            of_envelope = attrgetter(name)
            return lambda _, interaction: of_envelope(interaction)
        case _ if name in EVENT_ATTRIBUTES:
            return lambda _, interaction: interaction.data.get(name)
        case _:
            raise ValueError(f"event.{name} is not known")


def _changed(interaction: Interaction) -> list[str] | None:
    change = interaction.change
    if change is None:
        return None
    names = sorted({*ATTRIBUTES, *change.before.fields, *change.after.fields})
    return [name for name in names if change.before.attribute(name) != change.after.attribute(name)]
