"""What each record action does to a prospect's values: the same as the executors' SQL does to the row.

What the SQL refuses for good (a full tag set, a number out of range) leaves the values as they are: the command ends dead,
its mark moves, and the next snapshot agrees.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from core.field_change import changed
from core.text import key
from core.values import Values
from schemas.field_catalogue import SCORE_LIMIT, TAGS_MAX


def fold(values: Values, action_type: str, params: Mapping[str, Any]) -> Values:
    """Return the values after one record command; the same object when it changes nothing."""
    match action_type:
        case "add_tags":
            return _add_tags(values, params["tags"])
        case "remove_tags":
            return _remove_tags(values, params["tags"])
        case "adjust_score":
            return _adjust_score(values, params)
        case "assign_owner":
            return _assign_owner(values, params)
        case "change_field_value":
            return _change_field_value(values, params)
        case "add_to_list":
            return _add_to_list(values, params)
        case "remove_from_list":
            return _remove_from_list(values, params)
        case "convert_to_lead":
            return values if values.lead_id is not None else replace(values, lead_id=params["lead_id"])
        case _:
            raise ValueError(f"{action_type} is no record action")


def _add_tags(values: Values, tags: list[str]) -> Values:
    missing = [tag for tag in tags if tag not in values.tags]
    if not missing:
        return values
    have = {key(tag) for tag in values.tags}
    added: dict[str, str] = {}
    for tag in missing:
        if (tag_key := key(tag)) not in have:
            added.setdefault(tag_key, tag)
    if not added or len(values.tags) + len(added) > TAGS_MAX:
        return values
    return replace(values, tags=(*values.tags, *added.values()))


def _remove_tags(values: Values, tags: list[str]) -> Values:
    gone = {key(tag) for tag in tags}
    kept = tuple(tag for tag in values.tags if key(tag) not in gone)
    return values if len(kept) == len(values.tags) else replace(values, tags=kept)


def _adjust_score(values: Values, params: Mapping[str, Any]) -> Values:
    amount: int = params["amount"]
    match params["op"]:
        case "add":
            score = values.score + amount
        case "subtract":
            score = values.score - amount
        case _:
            score = amount
    if (low := params.get("min")) is not None:
        score = max(score, low)
    if (high := params.get("max")) is not None:
        score = min(score, high)
    return values if score == values.score or abs(score) > SCORE_LIMIT else replace(values, score=score)


def _assign_owner(values: Values, params: Mapping[str, Any]) -> Values:
    user = params["user"]
    if user is None or user == values.owner or (params["overwrite"] == "never" and values.owner is not None):
        return values
    return replace(values, owner=user)


def _change_field_value(values: Values, params: Mapping[str, Any]) -> Values:
    name = params["field"]
    current = values.fields.get(name)
    new = changed(current, params)
    if new is current:
        return values
    fields = {field: value for field, value in values.fields.items() if field != name}
    return replace(values, fields=fields if new is None else {**fields, name: new})


def _add_to_list(values: Values, params: Mapping[str, Any]) -> Values:
    again = ("unsubscribed", None) if params.get("resubscribe", False) else (None,)
    joined = {list_id: "subscribed" for list_id in params["lists"] if values.lists.get(list_id) in again}
    return replace(values, lists={**values.lists, **joined}) if joined else values


def _remove_from_list(values: Values, params: Mapping[str, Any]) -> Values:
    left = {list_id for list_id in params["lists"] if values.lists.get(list_id, "unsubscribed") != "unsubscribed"}
    if not left:
        return values
    return replace(values, lists={list_id: status for list_id, status in values.lists.items() if list_id not in left})
