"""What each record action makes of a prospect's record. A record is never changed in place."""

import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from tests.chaos.model.log import Record

INTEGER_MAX = 2**31 - 1
NUMBER_LIMIT = 10**11
TAGS_MAX = 1000
TEXT_MAX = 4000
MULTI_MAX = 100


class Impossible(Exception):
    """The command ends dead and the record stays as it is."""


@cache
def tag_key(tag: str) -> str:
    """Return what makes two spellings one tag."""
    return "".join(letter.lower()[0] for letter in unicodedata.normalize("NFC", tag.strip(" ")))


def is_missing(value: Any) -> bool:
    """Say whether a field has no value."""
    return value is None or value in ("", [], ())


def effect(kind: str, params: Mapping[str, Any], before: Record) -> Record:
    """Return the record after a record action with resolved params. Raises Impossible."""
    match kind:
        case "add_tags":
            return {**before, "tags": _with_tags(before["tags"], params["tags"])}
        case "remove_tags":
            gone = {tag_key(tag) for tag in params["tags"]}
            return {**before, "tags": [tag for tag in before["tags"] if tag_key(tag) not in gone]}
        case "adjust_score":
            return {**before, "score": _scored(before["score"], params)}
        case "assign_owner":
            keeps = params["user"] is None or (params["overwrite"] == "never" and before["owner"] is not None)
            return before if keeps else {**before, "owner": params["user"]}
        case "change_field_value":
            return {**before, "fields": _with_field(before["fields"], params)}
        case "add_to_list":
            return {**before, "lists": _joined(before["lists"], params)}
        case "remove_from_list":
            kept = before["lists"].items()
            return {**before, "lists": {k: v for k, v in kept if k not in params["lists"] or v == "unsubscribed"}}
        case "convert_to_lead":
            if before["lead_id"] is not None and params["on_existing"] == "fail":
                raise Impossible
            return {**before, "lead_id": before["lead_id"] or params["lead_id"]}
        case _:
            raise AssertionError(f"{kind} is no record action")


def changes_elsewhere(kind: str, params: Mapping[str, Any], before: Record) -> bool:
    """Say whether an action that leaves the record alone changed something else: a lead that was there was updated."""
    return kind == "convert_to_lead" and before["lead_id"] is not None and params["on_existing"] == "update"


def _with_tags(tags: Sequence[str], added: Sequence[str]) -> list[str]:
    after = list(tags)
    for tag in added:
        if tag_key(tag) not in {tag_key(present) for present in after}:
            after.append(tag)
    if len(after) > TAGS_MAX:
        raise Impossible
    return after


def _scored(score: int, params: Mapping[str, Any]) -> int:
    amount = params["amount"]
    result = {"add": score + amount, "subtract": score - amount, "set": amount}[params["op"]]
    if params.get("min") is not None:
        result = max(result, params["min"])
    if params.get("max") is not None:
        result = min(result, params["max"])
    if abs(result) > INTEGER_MAX:
        raise Impossible
    return int(result)


def _joined(lists: Mapping[str, str], params: Mapping[str, Any]) -> dict[str, str]:
    after = dict(lists)
    for name in params["lists"]:
        if name not in after or (after[name] == "unsubscribed" and params.get("resubscribe")):
            after[name] = "subscribed"
    return after


def _with_field(fields: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    name, value = params["field"], fields.get(params["field"])
    if params.get("only_if_empty") and not is_missing(value):
        return dict(fields)
    match params["op"]:
        case "clear":
            return {key: kept for key, kept in fields.items() if key != name}
        case "append":
            return {**fields, name: _appended(params["type"], value, params["value"])}
        case "increment":
            return {**fields, name: _incremented(value, params["value"])}
        case _:
            return {**fields, name: params["value"]}


def _appended(kind: str, value: Any, added: Any) -> Any:
    if kind == "multi":
        wanted = [added] if isinstance(added, str) else added
        after = list(value or [])
        after += [item for item in dict.fromkeys(wanted) if item not in after]
        if len(after) > MULTI_MAX:
            raise Impossible
        return after
    if is_missing(value):
        return added
    text = value if added in value.split("; ") else f"{value}; {added}"
    if len(text) > TEXT_MAX:
        raise Impossible
    return text


def _incremented(value: Any, added: float) -> float:
    total = Decimal(repr(value or 0)) + Decimal(repr(added))
    if abs(total) >= NUMBER_LIMIT:
        raise Impossible
    return int(total) if total == total.to_integral_value() else float(round(total, 4))
