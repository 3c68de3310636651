"""Action lists compiled for judging, every version of them, and the assets that they belong to.

Versions are immutable and all kept: an interaction is judged by the version that it was stamped with, however old.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import orjson

from core.commands import OfAction, of_action
from core.criteria import Criteria, Judge, Slots, compile_criteria
from core.parameters import Parameters, fixed
from core.records import Refused
from schemas.action_lists import EXECUTOR_OF, RECORD_ACTION_TYPES
from schemas.contract import SCHEMA_VERSION, duration_s


@dataclass(frozen=True, slots=True)
class Frequency:
    """How often an action may fire for one prospect: `number` is K for first, seconds for once_per."""

    kind: Literal["first", "once_per"]
    number: int

    def allows(self, count: int, since_ms: int) -> bool:
        """Say whether it may fire again after `count` times, the last one `since_ms` ago."""
        return count < self.number if self.kind == "first" else since_ms >= self.number * 1000


@dataclass(frozen=True, slots=True)
class CompiledAction:
    """An action as the machine uses it. `frequency` None: every time. `run_at` stays the text that it is."""

    id: str
    name: str
    trigger: str
    type: str
    executor: str
    record: bool
    enabled: bool
    params: Parameters
    fixed: Parameters | None
    """The parameters of its commands, when they are the same for all; `encoded` holds their JSON then."""
    encoded: bytes
    form: OfAction
    counter: str
    """Names what a frequency counts: ids of actions are unique within their asset's list only."""
    criteria: Criteria
    frequency: Frequency | None
    on_failure: Literal["hold", "continue"]
    delay_s: int | None
    run_at: str | None


class Judged(NamedTuple):
    """The enabled actions on one trigger, with their positions in the list, and what their criteria look at."""

    actions: tuple[tuple[int, CompiledAction, Judge], ...]
    slots: Slots


@dataclass(frozen=True, slots=True)
class CompiledList:
    """One version of an asset's list. `triggers` has those of disabled actions too; `judged` does not."""

    asset_id: str
    asset_kind: str | None
    version: int
    actions: tuple[CompiledAction, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    disabled_users: frozenset[str] = frozenset()
    triggers: frozenset[str] = frozenset()
    judged: Mapping[str, Judged] = field(default_factory=dict)


class VersionUnknown(Exception):
    """A version that the definitions read so far do not hold: wait for it."""

    def __init__(self, asset_id: str, version: int) -> None:
        super().__init__(f"version {version} of the list of asset {asset_id}")
        self.asset_id = asset_id
        self.version = version


def compile_list(document: Mapping[str, Any]) -> CompiledList:
    """Compile a record of the form of `schemas.action_lists.ActionList`. Raises ValueError, KeyError or TypeError."""
    types: Mapping[str, str] = document.get("types", {})
    slots: defaultdict[str, Slots] = defaultdict(Slots)
    actions = tuple(_action(document, action, types, slots) for action in document["actions"])
    judged: defaultdict[str, list[tuple[int, CompiledAction, Judge]]] = defaultdict(list)
    for position, action in enumerate(actions):
        if action.enabled:
            judged[action.trigger].append((position, action, action.criteria.judge))
    return CompiledList(
        asset_id=document["asset_id"],
        asset_kind=document["asset_kind"],
        version=document["version"],
        actions=actions,
        types=types,
        disabled_users=frozenset(document.get("disabled_users", ())),
        triggers=frozenset(action.trigger for action in actions),
        judged={trigger: Judged(tuple(places), slots[trigger]) for trigger, places in judged.items()},
    )


def _action(
    document: Mapping[str, Any], action: Mapping[str, Any], types: Mapping[str, str], slots: Mapping[str, Slots]
) -> CompiledAction:
    action_type, enabled = action["type"], action.get("enabled", True)
    params, delay = dict(action["params"]), action.get("delay")
    always = fixed(action_type, params, types)
    shared = slots[action["trigger"]] if enabled else None
    return CompiledAction(
        id=action["id"],
        name=action["name"],
        trigger=action["trigger"],
        type=action_type,
        executor=EXECUTOR_OF[action_type],
        record=action_type in RECORD_ACTION_TYPES,
        enabled=enabled,
        params=params,
        fixed=always,
        encoded=b"" if always is None else orjson.dumps(always),
        form=of_action(action["id"], action["name"], action_type, document["asset_id"], document["version"]),
        counter=f"{document['asset_id']}/{action['id']}",
        criteria=compile_criteria(action.get("criteria"), types, shared),
        frequency=_frequency(action.get("frequency", "every")),
        on_failure=action.get("on_failure", "hold"),
        delay_s=None if delay is None else duration_s(delay),
        run_at=action.get("run_at"),
    )


def _frequency(frequency: Any) -> Frequency | None:
    match frequency:
        case "every":
            return None
        case {"once": True}:
            return Frequency("first", 1)
        case {"once_per": str() as duration}:
            return Frequency("once_per", duration_s(duration))
        case {"first": int() as count}:
            return Frequency("first", count)
        case _:
            raise ValueError("a frequency that this version does not know")


_WRONG: Final = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


class Definitions:
    """What `finish.definitions.v1` says so far. Old versions cost their bytes only, until an interaction cites one."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._compiled: dict[tuple[str, int], CompiledList] = {}
        self._newest: dict[str, int] = {}
        self._assets: dict[str, Mapping[str, Any]] = {}

    def apply(self, document: Mapping[str, Any]) -> None:
        """Take in one record; a repeat changes nothing. Raises Refused on one that this version cannot read."""
        if document.get("schema") != SCHEMA_VERSION:
            raise Refused("unknown_schema", "a definition of a schema that this version does not read")
        match document:
            case {"record": "asset", "id": str() as asset_id, "kind": str()}:
                self._assets[asset_id] = document
            case {
                "record": "action_list",
                "asset_id": str() as asset_id,
                "asset_kind": str(),
                "version": int() as version,
                "actions": list() | tuple(),
            } if version >= 1:
                if (asset_id, version) not in self._compiled:
                    self._documents.setdefault((asset_id, version), document)
                self._newest[asset_id] = max(version, self.newest(asset_id))
            case {"record": "asset" | "action_list"}:
                raise Refused("malformed", "a definition with a missing or wrong attribute")
            case _:
                raise Refused("unknown_type", "a definition of a kind that this version does not know")

    def list(self, asset_id: str, version: int) -> CompiledList:
        """Return one version of an asset's list; version 0 is empty.

        Raises VersionUnknown when it was not read yet, Refused when it cannot be compiled.
        """
        compiled = self._compiled.get((asset_id, version))
        if compiled is None:
            compiled = self._compiled[asset_id, version] = self._compile(asset_id, version)
            self._documents.pop((asset_id, version), None)
        return compiled

    def _compile(self, asset_id: str, version: int) -> CompiledList:
        if version == 0:
            return CompiledList(asset_id, self._assets.get(asset_id, {}).get("kind"), 0)
        document = self._documents.get((asset_id, version))
        if document is None:
            raise VersionUnknown(asset_id, version)
        try:
            return compile_list(document)
        except _WRONG as error:
            raise Refused("malformed", f"version {version} of the list of asset {asset_id} cannot be read") from error

    def newest(self, asset_id: str) -> int:
        """Return the newest version of an asset's list, 0 when it has none."""
        return self._newest.get(asset_id, 0)

    def asset(self, asset_id: str) -> Mapping[str, Any] | None:
        """Return an asset's newest record."""
        return self._assets.get(asset_id)
