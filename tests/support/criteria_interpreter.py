"""Criteria interpreted rule by rule from their description in the docs: the independent judge of the compiled ones.

It imports nothing of the product and takes plain JSON: a group, the types of the catalogue's fields, and a world
`{"original": values, "event": {...}}` where values have the form of a snapshot's and the event has the envelope's
attributes, `data`, `recorded_ms`, and for a record change `change` with `before` (None: created), `after`, `tags`, `lists`,
`delta`, `depth` and `by`.
"""

import unicodedata
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any

MISSING = object()
"""What a field without a readable value is."""

SETS = ("tags", "lists", "multi")
RECORD = {
    "email": "text",
    "score": "number",
    "owner": "user",
    "tags": "tags",
    "lists": "lists",
    "consent": "text",
    "lead_id": "text",
}
EVENT = {
    "uid": "text",
    "type": "text",
    "subject": "text",
    "time": "datetime",
    "source": "text",
    "ip": "text",
    "user_agent": "text",
    "url": "text",
    "bot": "text",
    "message_id": "text",
    "changed": "multi",
    "tags": "tags",
    "lists": "lists",
    "delta": "number",
    "depth": "number",
    "by": "text",
}


def judge(group: dict[str, Any], types: dict[str, str], world: dict[str, Any]) -> bool:
    """Say whether a group holds in a world."""
    parts = [judge(part, types, world) if "rules" in part else holds(part, types, world) for part in group["rules"]]
    together = any(parts) if group.get("combinator") == "or" and parts else all(parts)
    return together is not group.get("not", False)


def holds(rule: dict[str, Any], types: dict[str, str], world: dict[str, Any]) -> bool:
    """Say whether one rule holds in a world."""
    operator, operand, exact = rule["operator"], rule.get("value"), rule.get("exact", False)
    scope, *names = rule["field"].split(".", 2 if rule["field"].startswith("event.") else 1)
    if operator in ("changed", "changedTo"):
        return _changed(names[-1], operator, operand, exact, types, world)
    kind = _kind(scope, names, types)
    seen = _seen(scope, names, world)
    if kind == "open":
        kind, seen = _closed(operator, operand, seen)
    if kind in SETS:
        return _set_holds(operator, operand, exact or kind == "lists", seen, by_id=kind == "lists")
    read = _as(kind, seen, exact) if kind != "anything" else (MISSING if seen in (None, "") else seen)
    if operator == "null":
        return read is MISSING
    if read is MISSING:
        return False
    if operator == "notNull":
        return True
    return _compared(operator, operand, kind, exact, read, world["event"]["recorded_ms"])


def _kind(scope: str, names: list[str], types: dict[str, str]) -> str:
    if scope == "original" or names[0] in ("before", "after"):
        return RECORD.get(names[-1]) or types[names[-1]]
    return "open" if names[0] in ("form", "data") else EVENT[names[0]]


def _seen(scope: str, names: list[str], world: dict[str, Any]) -> Any:
    event = world["event"]
    change = event.get("change")
    if scope == "original":
        return _attribute(world["original"], names[0])
    match names[0]:
        case "form":
            form = event["data"].get("form")
            return form.get(names[1]) if isinstance(form, dict) else None
        case "data":
            return event["data"].get(names[1])
        case "before" | "after":
            return _attribute(change[names[0]], names[1]) if change else None
        case "changed":
            return _changed_names(change) if change else None
        case "tags" | "lists" | "delta" | "depth" | "by":
            return change[names[0]] if change else None
        case "uid" | "type" | "subject" | "time" | "source":
            return event[names[0]]
        case name:
            return event["data"].get(name)


def _attribute(record: dict[str, Any] | None, name: str) -> Any:
    if record is None:
        return None
    if name == "lists":
        return [list_id for list_id in record["lists"] if record["lists"][list_id] == "subscribed"]
    return record[name] if name in RECORD else record["fields"].get(name)


def _changed_names(change: dict[str, Any]) -> list[str]:
    nothing: dict[str, Any] = {
        "email": None,
        "score": 0,
        "owner": None,
        "tags": [],
        "lists": {},
        "consent": "none",
        "lead_id": None,
    }
    before, after = change["before"] or {**nothing, "fields": {}}, change["after"]
    names = [*RECORD, *before["fields"], *(name for name in after["fields"] if name not in before["fields"])]
    return [name for name in names if _attribute(before, name) != _attribute(after, name)]


def _changed(name: str, operator: str, operand: Any, exact: bool, types: dict[str, str], world: dict[str, Any]) -> bool:
    change = world["event"].get("change")
    if not change:
        return False
    kind = RECORD.get(name) or types[name]
    before, after = (_as(kind, _attribute(change[side], name), exact) for side in ("before", "after"))
    different = (before is MISSING) != (after is MISSING) or (after is not MISSING and before != after)
    return different and (operator == "changed" or (after is not MISSING and after == _as(kind, operand, exact)))


def _closed(operator: str, operand: Any, seen: Any) -> tuple[str, Any]:
    """Give what has no declared type the one that operator and operand ask for."""
    if operator in ("anyOf", "allOf", "noneOf"):
        return "multi", ([seen] if seen else None) if isinstance(seen, str) else seen
    if operator in ("null", "notNull"):
        return "anything", seen
    if operator in ("withinLast", "olderThan", "on"):
        return "datetime", seen
    operands = operand if isinstance(operand, list) else [operand]
    if all(isinstance(item, bool) for item in operands):
        return "bool", {"true": True, "false": False}.get(_plain(seen), seen) if isinstance(seen, str) else seen
    if all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in operands):
        return "number", _parsed_number(seen) if isinstance(seen, str) else seen
    if operator in ("<", "<=", ">", ">=", "between"):
        return "datetime", seen
    return "text", _written(seen)


def _parsed_number(text: str) -> Any:
    digits = text.strip(" ")
    unsigned = digits[1:] if digits[:1] in ("+", "-") else digits
    whole, point, decimals = unsigned.partition(".")
    ascii_digits = whole.isascii() and whole.isdigit() and (not point or (decimals.isascii() and decimals.isdigit()))
    return float(digits) if ascii_digits and len(whole) <= 15 and len(decimals) <= 10 else None


def _written(seen: Any) -> Any:
    if isinstance(seen, bool):
        return str(seen).lower()
    if isinstance(seen, (int, float)):
        return f"{seen:.0f}" if seen == int(seen) else str(seen)
    return seen


@cache
def _plain(text: str) -> str:
    return "".join(letter.lower()[0] for letter in unicodedata.normalize("NFC", text.strip(" ")))


def _as(kind: str, seen: Any, exact: bool) -> Any:
    """Read a value as one of its type, MISSING when it is none."""
    match kind:
        case "text" | "picklist" if isinstance(seen, str) and seen != "":
            return unicodedata.normalize("NFC", seen.strip(" ")) if exact else _plain(seen)
        case "user" if isinstance(seen, str) and seen != "":
            return seen
        case "number" if isinstance(seen, (int, float)) and not isinstance(seen, bool):
            return Fraction(seen)
        case "bool" if isinstance(seen, bool):
            return seen
        case "date" | "datetime" if isinstance(seen, str):
            moment = _moment(seen)
            return moment if moment is MISSING or kind == "datetime" else moment.date()
        case _:
            return MISSING


def _moment(text: str) -> Any:
    """Read `2026-01-31`, or an RFC 3339 instant with its zone."""
    if not text.isascii() or "," in text:
        return MISSING
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) if text[4] == text[7] == "-" else None
            return MISSING if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)
        if text[10] not in "Tt " or text[13] != ":" or text[16] != ":" or text[4] != "-":
            return MISSING
        moment = datetime.fromisoformat(text.upper())
        return MISSING if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, IndexError):
        return MISSING


def _set_holds(operator: str, operand: Any, exact: bool, seen: Any, *, by_id: bool) -> bool:
    present = isinstance(seen, (list, tuple))
    if operator in ("null", "notNull"):
        return present is (operator == "notNull")
    if not present:
        return False

    def same(item: str) -> str:
        return item if by_id else _as("text", item, exact) if item else item

    have = [same(item) for item in seen if isinstance(item, str)]
    wanted = [same(item) for item in operand]
    match operator:
        case "anyOf":
            return any(item in have for item in wanted)
        case "allOf":
            return all(item in have for item in wanted)
        case _:
            return not any(item in have for item in wanted)


def _compared(operator: str, operand: Any, kind: str, exact: bool, seen: Any, recorded_ms: int) -> bool:
    if operator in ("withinLast", "olderThan"):
        return _relative(operator, operand, kind, seen, recorded_ms)
    if operator == "on":
        return bool((seen.date() if kind == "datetime" else seen) == _as("date", operand, exact))
    if isinstance(operand, list):
        wanted = [_as(kind, _written(item) if kind == "text" else item, exact) for item in operand]
        if operator == "between":
            return bool(wanted[0] <= seen <= wanted[1])
        return (seen in wanted) is (operator == "in")
    return _scalar_compared(operator, seen, _as(kind, _written(operand) if kind == "text" else operand, exact))


def _relative(operator: str, operand: str, kind: str, seen: Any, recorded_ms: int) -> bool:
    days = int(operand.removeprefix("P").removesuffix("D")) if operand.endswith("D") else 0
    hours = int(operand.removeprefix("PT").removesuffix("H")) if operand.endswith("H") else 0
    now: Any = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=recorded_ms)
    start: Any = now - timedelta(days=days, hours=hours)
    if kind == "date":
        now, start = now.date(), start.date()
    return bool(start <= seen <= now if operator == "withinLast" else seen < start)


def _scalar_compared(operator: str, seen: Any, operand: Any) -> bool:
    match operator:
        case "=" | "!=":
            return bool(seen == operand) is (operator == "=")
        case "<" | "<=" | ">" | ">=":
            if seen == operand:
                return "=" in operator
            return bool(seen < operand) is ("<" in operator)
        case "contains" | "doesNotContain":
            return (seen.find(operand) >= 0) is (operator == "contains")
        case "beginsWith":
            return bool(seen[: len(operand)] == operand)
        case _:
            return bool(seen[-len(operand) :] == operand)
