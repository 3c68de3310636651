"""What the parameters of an action must be to be saved, beyond their form: what they refer to exists and fits."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from core.due import is_zone
from core.egress import EgressError, checked
from core.field_values import check_number, check_value
from core.paths import is_of_record_change, type_of
from core.references import Catalogue, Finding, References, types_of
from core.templates import check_template
from schemas.commands.fields import TYPES_OF_OP
from schemas.contract import duration_s
from schemas.field_catalogue import RESERVED_NAMES, Field
from schemas.triggers import AssetKind

_WRITTEN_BY: Final = {
    "score": "adjust_score",
    "owner": "assign_owner",
    "tags": "add_tags and remove_tags",
    "lists": "add_to_list and remove_from_list",
    "lead_id": "convert_to_lead",
}
_COPIED_FROM: Final = {
    "number": ("number", "text", "open"),
    "bool": ("bool", "text", "open"),
    "date": ("date", "open"),
    "datetime": ("datetime", "open"),
    "picklist": ("picklist", "text", "open"),
    "multi": ("multi", "tags", "lists", "picklist", "text", "open"),
}
"""Which types may be copied to a field of a type; a text takes all."""


def check_parameters(
    action: Mapping[str, Any], pointer: str, kind: AssetKind, catalogue: Catalogue, references: References
) -> Iterator[Finding]:
    """Yield what is wrong with the parameters of an action, as pointers below `pointer`, the parameters' own."""
    params = action["params"]
    match action["type"]:
        case "change_field_value":
            yield from _field(params, pointer, kind, catalogue)
        case "assign_owner":
            yield from _owner(params, pointer, references)
        case "convert_to_lead":
            yield from _user(params.get("owner"), f"{pointer}/owner", references)
        case "add_to_list" | "remove_from_list":
            for position, list_id in enumerate(params["lists"]):
                yield from _known(list_id, f"{pointer}/lists/{position}", references.lists, "a list's id")
        case "send_email":
            yield from _known(params["template"], f"{pointer}/template", references.templates, "a template's id")
            yield from _known(params.get("list"), f"{pointer}/list", references.lists, "a list's id")
        case "notify_user":
            yield from _notice(params, pointer, references)
            yield from _templates(params, pointer, ("subject", "text"), catalogue)
        case "create_crm_task":
            yield from _task(params, pointer, catalogue, references)
            yield from _templates(params, pointer, ("title", "body", "dedupe_key"), catalogue)
        case "fire_webhook":
            yield from _url(params["url"], f"{pointer}/url", references)
            yield from _templates(params, pointer, ("body",), catalogue)
        case "execute_lambda":
            yield from _templates(params, pointer, ("payload",), catalogue)
            for name in params.get("response_map") or ():
                yield from _writable(name, f"{pointer}/response_map/{name}", catalogue)
        case _:  # the others refer to nothing
            pass


def _known(value: Any, pointer: str, ids: Any, what: str) -> Iterator[Finding]:
    if value is not None and value not in ids:
        yield pointer, f"is not {what}"


def _url(url: str, pointer: str, references: References) -> Iterator[Finding]:
    try:
        checked(url, references.reachable)
    except EgressError as refusal:
        yield pointer, str(refusal)


def _user(reference: Any, pointer: str, references: References) -> Iterator[Finding]:
    if isinstance(reference, Mapping) and "user" in reference:
        yield from _known(reference["user"], f"{pointer}/user", references.users, "a user's id")


def _owner(params: Mapping[str, Any], pointer: str, references: References) -> Iterator[Finding]:
    yield from _known(params.get("user"), f"{pointer}/user", references.users, "a user's id")
    for position, user in enumerate(params.get("pool") or ()):
        yield from _known(user, f"{pointer}/pool/{position}", references.users, "a user's id")


def _notice(params: Mapping[str, Any], pointer: str, references: References) -> Iterator[Finding]:
    to = params["to"]
    yield from _user(to, f"{pointer}/to", references)
    if isinstance(to, Mapping) and "team" in to:
        yield from _known(to["team"], f"{pointer}/to/team", references.teams, "a team's id")
    yield from _user(params.get("fallback"), f"{pointer}/fallback", references)
    yield from _not_negative(params.get("digest"), f"{pointer}/digest")


def _task(params: Mapping[str, Any], pointer: str, catalogue: Catalogue, references: References) -> Iterator[Finding]:
    yield from _user(params.get("assignee"), f"{pointer}/assignee", references)
    yield from _user(params.get("fallback"), f"{pointer}/fallback", references)
    due = params["due"]
    yield from _not_negative(due.get("in"), f"{pointer}/due/in")
    if "field" in due and _type(due["field"], catalogue) not in ("date", "datetime"):
        yield f"{pointer}/due/field", "must be a date or a datetime of the catalogue"
    if not is_zone(params.get("zone", "UTC")):
        yield f"{pointer}/zone", "must be a time zone such as Europe/Vienna"


def _templates(
    params: Mapping[str, Any], pointer: str, names: Iterable[str], catalogue: Catalogue
) -> Iterator[Finding]:
    for name in names:
        for wrong in check_template(params.get(name) or "", catalogue):
            yield f"{pointer}/{name}", wrong


def _type(name: str, catalogue: Catalogue) -> str | None:
    field = catalogue.get(name)
    return None if field is None else field.type


def _not_negative(duration: Any, pointer: str) -> Iterator[Finding]:
    if duration is not None and duration_s(duration) < 0:
        yield pointer, "must not be negative"


def _writable(name: str, pointer: str, catalogue: Catalogue) -> Iterator[Finding]:
    if name in _WRITTEN_BY:
        yield pointer, f"is written by {_WRITTEN_BY[name]} only"
    elif name in RESERVED_NAMES:
        yield pointer, "is not written by actions"
    elif name not in catalogue:
        yield pointer, "is not a field of the catalogue"


def _field(params: Mapping[str, Any], pointer: str, kind: AssetKind, catalogue: Catalogue) -> Iterator[Finding]:
    refused = list(_writable(params["field"], f"{pointer}/field", catalogue))
    if refused:
        yield from refused
        return
    field, op = catalogue[params["field"]], params["op"]
    if field.type not in TYPES_OF_OP.get(op, (field.type,)):
        yield f"{pointer}/op", f"does not go with a field of type {field.type}"
    elif op == "copy":
        yield from _copied(params["from"], f"{pointer}/from", field, kind, catalogue)
    elif op in ("set", "append", "increment"):
        yield from _value(params["value"], f"{pointer}/value", field, op)


def _copied(path: str, pointer: str, field: Field, kind: AssetKind, catalogue: Catalogue) -> Iterator[Finding]:
    of_type = type_of(path, types_of(catalogue))
    if of_type is None:
        yield pointer, "is neither a field of the catalogue nor something that an event has"
    elif kind != "prospect" and is_of_record_change(path):
        yield pointer, "exists for the triggers of the asset prospect only"
    elif of_type not in _COPIED_FROM.get(field.type, (of_type,)):
        yield pointer, f"is of type {of_type}, which a field of type {field.type} does not take"


def _value(value: Any, pointer: str, field: Field, op: str) -> Iterator[Finding]:
    try:
        if op == "increment":
            check_number(value)
        elif op == "append" and field.type == "multi" and isinstance(value, str):
            check_value(field, [value])
        else:
            check_value(field, value)
    except ValueError as error:
        yield pointer, str(error)
