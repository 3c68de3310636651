"""The parameters that a command carries: the action's, resolved as of the values and the interaction that fired it."""

from collections.abc import Mapping
from typing import Any

import orjson

from core.choice import choose
from core.comparables import open_boolean, open_number
from core.criteria import read
from core.records import Interaction, instant
from core.values import Values
from schemas.contract import duration_s
from schemas.identity import lead_id

Parameters = Mapping[str, Any]


def fixed(action_type: str, params: Parameters, types: Mapping[str, str]) -> Parameters | None:
    """Return the parameters when they are the same for every interaction, else None."""
    match action_type:
        case "assign_owner":
            user = params.get("user")
            return None if user is None else _owner(params, user)
        case "change_field_value":
            return None if params["op"] in ("copy", "now") else _field(params, types, params["op"], params.get("value"))
        case "convert_to_lead":
            return None
        case _:
            return params


def resolve(
    action_type: str,
    params: Parameters,
    types: Mapping[str, str],
    disabled_users: frozenset[str],
    original: Values,
    cause: Interaction,
) -> Parameters:
    """Return what `fixed` cannot. What reads the record reads the original values."""
    match action_type:
        case "assign_owner":
            return _owner(params, choose(params["pool"], disabled_users, cause.uid))
        case "convert_to_lead":
            return _lead(params, original, cause)
        case _ if params["op"] == "copy":
            value = converted(read(params["from"])(original, cause), types.get(params["field"], "text"))
            return _field(params, types, "clear" if value is None else "set", value)
        case _:
            moment = instant(cause.recorded_ms + 1000 * duration_s(params.get("offset") or "P0D"))
            is_date = types.get(params["field"]) == "date"
            return _field(params, types, "set", moment[:10] if is_date else moment)


def _owner(params: Parameters, user: str | None) -> Parameters:
    return {"user": user, "overwrite": params.get("overwrite", "never")}


def _lead(params: Parameters, original: Values, cause: Interaction) -> Parameters:
    owner = params.get("owner", "prospect_owner")
    return {
        "lead_id": lead_id(cause.prospect_id),
        "status": params.get("status", "new"),
        "owner": original.owner if owner == "prospect_owner" else owner["user"],
        "source": params.get("source"),
        "on_existing": params.get("on_existing", "link"),
    }


def _field(params: Parameters, types: Mapping[str, str], op: str, value: Any) -> Parameters:
    return {
        "field": params["field"],
        "type": types.get(params["field"], "text"),
        "op": op,
        "value": value,
        "only_if_empty": params.get("only_if_empty", False),
    }


def converted(value: Any, field_type: str) -> Any:
    """Return a copied value as the field's type where that is certain; otherwise as it is, for the executor to refuse."""
    if value is None or value == "":
        return None
    match field_type:
        case "number" | "bool" if isinstance(value, str):
            known = open_number(value) if field_type == "number" else open_boolean(value)
            return value if known is None else known
        case "multi" if isinstance(value, str):
            return [value]
        case "text" | "picklist" if isinstance(value, (list, tuple)):
            return "; ".join(str(item) for item in value)
        case "text" | "picklist" if not isinstance(value, str):
            return orjson.dumps(value).decode()
        case "multi" if isinstance(value, tuple):
            return list(value)
        case _:
            return value
