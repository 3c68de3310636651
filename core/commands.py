"""What a fired action becomes: parameters resolved on original values, and the command's bytes."""

from typing import Any, Final, NamedTuple

import orjson

from core.choice import choose
from core.comparables import open_boolean, open_number
from core.criteria import read
from core.definitions import CompiledAction, CompiledList
from core.records import Interaction, instant
from core.values import Values
from schemas.contract import duration_s
from schemas.identity import lead_id

_OFFSET_BITS: Final = 42
_NUMBER_BITS: Final = 14


def order(epoch: int, offset: int, number: int) -> int:
    """Return the place of a step's `number`-th command (from 0) in its prospect's log, as one 64-bit integer.

    It is at least 1: a mark of 0 says that nothing was carried out.
    """
    return ((epoch << _OFFSET_BITS | offset) << _NUMBER_BITS) + number + 1


def resolve(action: CompiledAction, definitions: CompiledList, original: Values, cause: Interaction) -> dict[str, Any]:
    """Return the parameters that the command carries. What reads the record reads the original values."""
    match action.type:
        case "assign_owner":
            return _owner(action.params, definitions, cause)
        case "change_field_value":
            return _field(action.params, definitions, original, cause)
        case "convert_to_lead":
            return _lead(action.params, original, cause)
        case _:
            return action.params


def _owner(params: dict[str, Any], definitions: CompiledList, cause: Interaction) -> dict[str, Any]:
    user = params.get("user")
    if user is None:
        user = choose(params["pool"], definitions.disabled_users, cause.uid)
    return {"user": user, "overwrite": params.get("overwrite", "never")}


def _lead(params: dict[str, Any], original: Values, cause: Interaction) -> dict[str, Any]:
    owner = params.get("owner", "prospect_owner")
    return {
        "lead_id": lead_id(cause.prospect_id),
        "status": params.get("status", "new"),
        "owner": original.owner if owner == "prospect_owner" else owner["user"],
        "source": params.get("source"),
        "on_existing": params.get("on_existing", "link"),
    }


def _field(params: dict[str, Any], definitions: CompiledList, original: Values, cause: Interaction) -> dict[str, Any]:
    field_type = definitions.types.get(params["field"], "text")
    op, value = params["op"], params.get("value")
    if op == "copy":
        value = converted(read(params["from"])(original, cause), field_type)
        op = "clear" if value is None else "set"
    elif op == "now":
        moment = instant(cause.recorded_ms + 1000 * duration_s(params.get("offset") or "P0D"))
        op, value = "set", moment[:10] if field_type == "date" else moment
    return {
        "field": params["field"],
        "type": field_type,
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


class Emitted(NamedTuple):
    """One command to send: to which executor, in which bytes."""

    executor: str
    value: bytes


def encode(
    command_id: str,
    action: CompiledAction,
    definitions: CompiledList,
    cause: Interaction,
    params: dict[str, Any],
    place: int,
    after: dict[str, str],
) -> bytes:
    """Write a command; the keys' order is fixed, so that equal commands are equal bytes."""
    document: dict[str, Any] = {
        "schema": 1,
        "id": command_id,
        "uid": cause.uid,
        "action_id": action.id,
        "action_name": action.name,
        "asset_id": definitions.asset_id,
        "version": definitions.version,
        "prospect_id": cause.prospect_id,
        "type": action.type,
        "params": params,
        "order": place,
        "depth": cause.depth,
        "recordedtime": cause.recordedtime,
    }
    if not action.record:
        document["after"] = after
        document["not_before"] = _not_before(action, cause)
        document["interaction"] = _interaction(cause)
    return orjson.dumps(document)


def _not_before(action: CompiledAction, cause: Interaction) -> str | None:
    if action.delay_s is not None:
        return instant(cause.recorded_ms + 1000 * action.delay_s)
    return action.run_at


def _interaction(cause: Interaction) -> dict[str, Any]:
    data = cause.data
    if (change := cause.change) is not None:
        data = {"tags": change.tags, "lists": change.lists, "delta": change.delta, "by": change.by}
    return {"uid": cause.uid, "type": cause.type, "subject": cause.subject, "time": cause.time, "data": data}
