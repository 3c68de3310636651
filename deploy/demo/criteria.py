"""A short hand for criteria and actions in the API's JSON."""

from typing import Any

Json = dict[str, Any]


def rule(field: str, operator: str, value: Any = None, *, exact: bool = False) -> Json:
    """Write one condition."""
    return {"field": field, "operator": operator, "value": value, **({"exact": True} if exact else {})}


def all_of(*rules: Json) -> Json:
    """Write a group of which all must hold."""
    return {"combinator": "and", "not": False, "rules": list(rules)}


def any_of(*rules: Json) -> Json:
    """Write a group of which one must hold."""
    return {"combinator": "or", "not": False, "rules": list(rules)}


def none_of(*rules: Json) -> Json:
    """Write a group of which none may hold."""
    return {"combinator": "or", "not": True, "rules": list(rules)}


def action(action_id: str, trigger: str, kind: str, params: Json, criteria: Json | None = None, **more: Any) -> Json:
    """Write one action; its name is its id in words."""
    name = action_id.replace("-", " ").capitalize()
    written = {"id": action_id, "name": name, "trigger": trigger, "type": kind, "params": params, **more}
    return written if criteria is None else {**written, "criteria": criteria}


def add_tags(action_id: str, trigger: str, tags: list[str], criteria: Json | None = None, **more: Any) -> Json:
    """Write an action that adds tags."""
    return action(action_id, trigger, "add_tags", {"tags": tags}, criteria, **more)


def remove_tags(action_id: str, trigger: str, tags: list[str], criteria: Json | None = None, **more: Any) -> Json:
    """Write an action that removes tags."""
    return action(action_id, trigger, "remove_tags", {"tags": tags}, criteria, **more)


def score(
    action_id: str,
    trigger: str,
    op: str,
    amount: int,
    criteria: Json | None = None,
    bounds: Json | None = None,
    **more: Any,
) -> Json:
    """Write an action that changes the score."""
    return action(action_id, trigger, "adjust_score", {"op": op, "amount": amount, **(bounds or {})}, criteria, **more)


def field(
    action_id: str, trigger: str, name: str, op: str, operands: Json | None = None, criteria: Json | None = None
) -> Json:
    """Write an action that changes a field."""
    return action(action_id, trigger, "change_field_value", {"field": name, "op": op, **(operands or {})}, criteria)
