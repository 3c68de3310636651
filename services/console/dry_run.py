"""Runs the machine over one record that is in no log: the same step, on the record as the database has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from core.definitions import Definitions
from core.records import Refused
from core.state import State
from core.step import step
from core.values import from_document
from schemas.action_lists import ActionList
from schemas.identity import interaction_uid
from schemas.interactions import Interaction
from schemas.outcomes import DeadReason
from schemas.snapshots import Change, Snapshot, SnapshotData, Values
from services.chassis.json_body import invalid
from services.chassis.problems import FieldError, Problem
from services.console.accounts import explained
from services.console.bodies.dry_runs import DryCommand, DryDecision, DryRun, DryRunAnswer

_EVENT_ID: Final = "dry-run"


@dataclass(frozen=True, slots=True)
class Judged:
    """A prospect's record: `values` as a snapshot holds them."""

    id: UUID
    version: int
    values: Mapping[str, Any]


def interaction(body: DryRun, asset_id: str, version: int, prospect_version: int, now: datetime) -> bytes:
    """Return the interaction that the body describes, accepted now, as a record of the log."""
    record = Interaction(
        id=_EVENT_ID,
        source=body.source,
        type=body.type,
        subject=asset_id,
        time=now,
        uid=UUID(interaction_uid(body.source, _EVENT_ID)),
        prospectid=str(body.prospect_id),
        actionlistversion=version,
        prospectlistversion=prospect_version,
        recordedtime=now,
        data=body.data.model_dump(mode="json", exclude_unset=True),
    )
    return record.model_dump_json().encode()


def change(record: Judged, after: Mapping[str, Any], prospect_version: int, by: str, now: datetime) -> bytes:
    """Return the snapshot that a change of the record to these values would write, as a record of the log."""
    snapshot = Snapshot(
        id=f"{record.id}/{record.version + 1}",
        subject=str(record.id),
        time=now,
        prospectid=record.id,
        prospectlistversion=prospect_version,
        recordedtime=now,
        data=SnapshotData(
            version=record.version + 1,
            writer=by,
            values=Values.model_validate(after),
            change=Change(before=Values.model_validate(record.values), by=by),
        ),
    )
    return snapshot.model_dump_json().encode()


def rehearse(kind: str, value: bytes, record: Judged, lists: Sequence[ActionList | None]) -> DryRunAnswer:
    """Carry the record of the log out, and tell what its interaction of this type would lead to. Raises Problem 422."""
    definitions = Definitions()
    for each in lists:
        if each is not None:
            definitions.apply(each.model_dump(mode="json", by_alias=True))
    state = State(version=record.version, values=from_document(record.values))
    try:
        stepped = step(state, str(record.id).encode(), value, 0, definitions)
    except Refused as refused:
        raise _dead(refused.reason) from None
    except OverflowError:  # a date that no calendar has
        raise _dead("permanent") from None
    if stepped.refused is not None:
        raise _dead(stepped.refused.reason)
    commands = [orjson.loads(command.value) for command in stepped.commands]
    decisions = [_shown(orjson.loads(decision), commands, definitions) for decision in stepped.decisions]
    for place, decision in enumerate(decisions):
        if decision.type == kind and decision.depth == 0:
            others = [*decisions[:place], *decisions[place + 1 :]]
            return DryRunAnswer(**dict(decision), prospect_version=record.version, derived=others)
    raise invalid([FieldError("/data", "is no change that an action on this trigger could meet")])


def _dead(reason: DeadReason) -> Problem:
    return invalid([FieldError("", f"would end as a dead letter: {reason}")])


def _shown(decision: dict[str, Any], commands: Sequence[dict[str, Any]], definitions: Definitions) -> DryDecision:
    return DryDecision(
        uid=decision["uid"],
        type=decision["type"],
        asset_id=decision["asset_id"],
        depth=decision["depth"],
        caused_by=decision["caused_by"],
        decision=explained(decision, definitions.list(decision["asset_id"], decision["version"])),
        commands=[DryCommand.model_validate(command) for command in commands if command["uid"] == decision["uid"]],
    )
