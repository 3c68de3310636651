"""The params of record actions with what they read of the record put in: pools, copies, now. On original values."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from re import fullmatch
from typing import Any

from tests.chaos.model.effects import is_missing
from tests.chaos.model.identity import lead_id
from tests.chaos.model.log import Record

_DURATION = r"(-?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"


def duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of weeks to seconds."""
    match = fullmatch(_DURATION, text)
    assert match is not None, text
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -length if match[1] else length


def chosen(pool: Sequence[str], disabled: frozenset[str], uid: str) -> str | None:
    """Return whom the pool gives an interaction: the enabled one with the highest hash."""
    enabled = [user for user in pool if user not in disabled]
    return max(enabled, key=lambda user: blake2b(f"{uid}/{user}".encode(), digest_size=8).digest(), default=None)


def resolved(
    action: Mapping[str, Any],
    original: Record,
    event: Mapping[str, Any],
    types: Mapping[str, str],
    disabled: frozenset[str],
) -> dict[str, Any]:
    """Return an action's params as its executor gets them. `event` has the envelope, `prospect_id` and `recorded`."""
    params = dict(action["params"])
    match action["type"]:
        case "assign_owner":
            pool = params.get("pool")
            user = chosen(pool, disabled, event["uid"]) if pool else params["user"]
            return {"user": user, "overwrite": params.get("overwrite", "never")}
        case "change_field_value":
            return _field_params(params, types[params["field"]], original, event)
        case "convert_to_lead":
            return {"on_existing": params.get("on_existing", "link"), "lead_id": lead_id(event["prospect_id"])}
        case _:
            return params


def _field_params(params: dict[str, Any], kind: str, original: Record, event: Mapping[str, Any]) -> dict[str, Any]:
    resolved = {"field": params["field"], "type": kind, "only_if_empty": params.get("only_if_empty", False)}
    match params["op"]:
        case "now":
            moment = event["recorded"].astimezone(UTC) + duration(params.get("offset", "P0D"))
            return {**resolved, "op": "set", "value": written(moment, kind)}
        case "copy":
            value = _copied(params["from"], original, event)
            return {**resolved, "op": "clear"} if is_missing(value) else {**resolved, "op": "set", "value": value}
        case op:
            return {**resolved, "op": op, "value": params.get("value")}


def written(moment: datetime, kind: str) -> str:
    """Write a day, or an instant in UTC to the millisecond: fields hold no more."""
    if kind == "date":
        return moment.date().isoformat()
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _copied(path: str, original: Record, event: Mapping[str, Any]) -> Any:
    scope, _, name = path.partition(".")
    if scope == "original":
        return original[name] if name in original and name != "fields" else original["fields"].get(name)
    data = event.get("data") or {}
    if name.startswith("form."):
        return (data.get("form") or {}).get(name.removeprefix("form."))
    return data.get(name.removeprefix("data."), event.get(name))
