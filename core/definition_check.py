"""What an action list must be to be saved, beyond the form that `schemas.action_lists.Actions` gives it.

It is judged against the workspace: the catalogue of fields and the ids that exist. What passes here compiles.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from core.criteria import compile_criteria
from core.criteria_check import check_criteria
from core.field_values import check_value
from core.parameter_check import check_parameters
from core.paths import attribute
from core.references import Catalogue, Finding, References, types_of
from schemas.contract import duration_s
from schemas.triggers import TRIGGERS, AssetKind

__all__ = ["Catalogue", "Finding", "References", "as_stored", "check_actions", "field_types", "pools"]

_NO_MARKETING: Final = frozenset({"unsubscribed", "bounced", "complained"})


def check_actions(
    actions: Sequence[Mapping[str, Any]], kind: AssetKind, catalogue: Catalogue, references: References
) -> list[Finding]:
    """Return what is wrong with a list's actions, each as a JSON pointer (`/actions/0/params/field`) and a sentence.

    `actions` are as JSON writes `schemas.action_lists.Actions`, by alias.
    """
    seen: set[str] = set()
    findings: list[Finding] = []
    for position, action in enumerate(actions):
        pointer = f"/actions/{position}"
        if action["id"] in seen:
            findings.append((f"{pointer}/id", "stands twice in the list"))
        seen.add(action["id"])
        findings.extend(_check_action(action, pointer, kind))
        if action.get("criteria") is not None:
            findings.extend(check_criteria(action["criteria"], f"{pointer}/criteria", kind, catalogue, references))
        findings.extend(check_parameters(action, f"{pointer}/params", kind, catalogue, references))
    return findings


def _check_action(action: Mapping[str, Any], pointer: str, kind: AssetKind) -> Iterator[Finding]:
    trigger = action["trigger"]
    if trigger not in TRIGGERS[kind]:
        yield f"{pointer}/trigger", f"must be one of {', '.join(TRIGGERS[kind])}"
    elif action["type"] == "convert_to_lead" and kind == "prospect" and trigger == "converted":
        yield f"{pointer}/type", "cannot be set off by the conversion itself"
    elif action["type"] == "send_email" and trigger in _NO_MARKETING and _is_marketing(action["params"]):
        yield f"{pointer}/params/class", f"must be transactional on {trigger}"
    delay = action.get("delay")
    if delay is not None and action.get("run_at") is not None:
        yield f"{pointer}/run_at", "does not go with delay"
    if delay is not None and duration_s(delay) < 0:
        yield f"{pointer}/delay", "must not be negative"
    frequency = action.get("frequency", "every")
    if "once_per" in frequency and duration_s(frequency["once_per"]) <= 0:
        yield f"{pointer}/frequency/once_per", "must be longer than nothing"


def _is_marketing(params: Mapping[str, Any]) -> bool:
    return bool(params.get("class", "marketing") == "marketing")


def field_types(actions: Sequence[Mapping[str, Any]], catalogue: Catalogue) -> dict[str, str]:
    """Return the type of every catalogue field that the actions read or write: what a list's record carries as `types`."""
    types = types_of(catalogue)
    names = {name for action in actions for name in _fields(action, types) if name in types}
    return {name: types[name] for name in sorted(names)}


def _fields(action: Mapping[str, Any], types: Mapping[str, str]) -> Iterator[str]:
    params = action["params"]
    paths = compile_criteria(action.get("criteria"), types).slots.paths
    yield from (attribute(path) or "" for path in (*paths, params.get("from") or ""))
    match action["type"]:
        case "change_field_value":
            yield params["field"]
        case "create_crm_task":
            yield params["due"].get("field", "")
        case "execute_lambda":
            yield from params.get("response_map") or ()
        case _:  # the others name no field
            pass


def as_stored(actions: Sequence[Mapping[str, Any]], catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return actions with the values that they set spelt as the fields store them (`core.field_values`).

    A value that the catalogue no longer allows, since it has changed after the check, stays as it is.
    """
    return [{**action, "params": _params_as_stored(action, catalogue)} for action in actions]


def _params_as_stored(action: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    params = dict(action["params"])
    if action["type"] == "change_field_value" and params["op"] == "set":
        with suppress(KeyError, ValueError):
            params["value"] = check_value(catalogue[params["field"]], params["value"])
    return params


def pools(actions: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return the ids of the users whom the pools of the actions name."""
    return frozenset(
        user for action in actions if action["type"] == "assign_owner" for user in action["params"].get("pool") or ()
    )
