"""What a submitted form makes of the record: the mapped fields alone, by their types, blanks left out."""

from collections.abc import Mapping, Sequence
from typing import Any

Submitted = Sequence[tuple[str, str]]
"""The fields and values as a browser sends them; a field of several values stands there once for each."""


def mapped(form: Submitted, mapping: Mapping[str, str], types: Mapping[str, str]) -> dict[str, Any]:
    """Return the values by the prospect's fields: texts, numbers and sets whose options are spelt as in the catalogue."""
    values: dict[str, Any] = {}
    for name, target in mapping.items():
        texts = [value for field, value in form if field == name and value.strip()]
        if texts and target in types:
            values[target] = _typed(texts, types[target])
    return values


def as_event(form: Submitted) -> dict[str, Any]:
    """Return what `event.form.*` reads: a lone text, or a list of texts."""
    names = dict.fromkeys(name for name, _ in form)
    texts = {name: [value for field, value in form if field == name] for name in names}
    return {name: found[0] if len(found) == 1 else found for name, found in texts.items()}


def _typed(texts: list[str], kind: str) -> Any:
    match kind:
        case "multi":
            return list(dict.fromkeys(texts))
        case "number":
            number = float(texts[0])
            return int(number) if number.is_integer() else number
        case "text":
            return texts[0]
        case _:
            raise AssertionError(f"the model does not convert to {kind}")
