"""A submitted form as values of the prospect: the mapped fields alone, converted from text to their fields' types.

A blank says nothing: it does not overwrite. What is not mapped never comes near the record.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.comparables import open_number
from core.field_values import check_value
from core.references import Catalogue, Finding
from core.text import key
from schemas.field_catalogue import Field

Fields = Mapping[str, Sequence[str]]
"""The submitted values by the form's fields, each in the order in which it came."""

EMAIL: Final = "email"
"""What a form's field may be mapped to besides the catalogue's fields: whose record it is."""
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "on", "yes", "1"), True),
    **dict.fromkeys(("false", "off", "no", "0"), False),
}
"""`on` is what a browser sends of a ticked box that has no value of its own."""


def email_of(form: Fields, mapping: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the address that the form gives, trimmed, behind the field that gives it; None when it gives none."""
    for name, target in mapping.items():
        if target == EMAIL and (texts := _said(form, name)):
            return name, texts[0].strip()
    return None


def values_of(form: Fields, mapping: Mapping[str, str], catalogue: Catalogue) -> tuple[dict[str, Any], list[Finding]]:
    """Return the values by the prospect's fields, and what does not fit, as JSON pointers into `Fields` and sentences.

    A target that the catalogue does not have is passed over.
    """
    values: dict[str, Any] = {}
    findings: list[Finding] = []
    for name, target in mapping.items():
        if target in catalogue and (texts := _said(form, name)):
            try:
                values[target] = from_texts(catalogue[target], texts)
            except ValueError as exc:
                findings.append((pointer_to(name), str(exc)))
    return values, findings


def _said(form: Fields, name: str) -> list[str]:
    return [text for text in form.get(name, ()) if text.strip()]


def repeats(form: Fields, mapping: Mapping[str, str], catalogue: Catalogue) -> bool:
    """Tell whether a field stands there more than once that is not mapped to a set."""
    return any(len(texts) > 1 and not _is_set(mapping.get(name), catalogue) for name, texts in form.items())


def _is_set(target: str | None, catalogue: Catalogue) -> bool:
    field = catalogue.get(target or "")
    return field is not None and field.type == "multi"


def from_texts(field: Field, texts: Sequence[str]) -> Any:
    """Return `texts`, none of them blank, as `field` stores them: all as a set's, else the first one.

    Raises ValueError, in words that follow the field's name, when they do not fit.
    """
    match field.type:
        case "multi":
            return check_value(field, [text.strip() for text in texts])
        case "text":
            return check_value(field, texts[0])
        case "number":
            return check_value(field, open_number(texts[0].strip()))
        case "bool":
            return check_value(field, _BOOLEANS.get(key(texts[0].strip())))
        case _:
            return check_value(field, texts[0].strip())


def event_form(form: Fields) -> dict[str, Any]:
    """Return all that was submitted as `event.form.*` reads it: a lone text, or a list of texts."""
    return {name: texts[0] if len(texts) == 1 else list(texts) for name, texts in form.items()}


def pointer_to(name: str) -> str:
    """Return the JSON pointer (RFC 6901) to a field of the form."""
    return f"/{name.replace('~', '~0').replace('/', '~1')}"
