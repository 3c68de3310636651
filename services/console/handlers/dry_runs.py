"""Dry runs: checked as a save and a post would be, judged by the machine itself, and nothing comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from core.egress import HostPort
from schemas.action_lists import ActionList
from schemas.triggers import INTERACTION_TYPES, PROSPECT_ASSET_ID
from services.chassis.json_body import JsonBody, invalid
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError, Problem
from services.chassis.sql_files import load_sql
from services.console.bodies.dry_runs import DryRun, DryRunAnswer
from services.console.bodies.prospects import ProspectChanges
from services.console.catalogue import read_catalogue
from services.console.dry_run import Judged, change, interaction, rehearse
from services.console.erasure import SQL as ERASURES
from services.console.handlers.action_lists import ASSETS, document
from services.console.list_versions import draft, errors_in, newest
from services.console.record_values import merged, of_row, unknown_references
from services.console.refusals import not_found, refuse
from services.console.route import Call
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parents[1] / "sql" / "dry_runs.sql")
_CHANGES: Final = TypeAdapter(ProspectChanges)


Documents = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class DryRuns:
    """POST /api/assets/{id}/dry-run."""

    database: Database
    reachable: frozenset[HostPort] = frozenset()

    async def run(self, call: Call[DryRun, None]) -> DryRunAnswer:
        """Tell what an interaction would set off."""
        body, now = call.body, call.body.at or self.database.clock.now()
        actions = None if body.actions is None else [document(action) for action in body.actions]
        async with self.database.transaction() as tx:
            asset = await tx.fetchrow(ASSETS["read"], call.path["id"])
            if asset is None:
                raise not_found("asset")
            row = await tx.fetchrow(SQL["record"], body.prospect_id)
            refuse(
                [
                    *_wrong_type(body, asset),
                    *await _wrong_prospect(tx, body, row),
                    *await self._wrong(tx, asset, actions),
                ]
            )
            if row is None:
                raise not_found("prospect")
            record = Judged(row["id"], row["version"], row["snapshot"])
            judging = await _list(tx, asset, actions, now)
            if asset["id"] == PROSPECT_ASSET_ID:
                after = await _changed(tx, row, body)
                value = change(record, after, _version(judging), f"api:{call.key.id}", now)
                return rehearse(body.type, value, record, [judging])
            cascading = await newest(tx, PROSPECT_ASSET_ID)
            value = interaction(body, asset["id"], _version(judging), _version(cascading), now)
        return rehearse(body.type, value, record, [judging, cascading])

    async def _wrong(self, tx: Connection, asset: Row, actions: Documents | None) -> list[FieldError]:
        return await errors_in(tx, asset["kind"], actions, self.reachable) if actions else []


def _wrong_type(body: DryRun, asset: Row) -> list[FieldError]:
    if body.type in INTERACTION_TYPES and body.type.partition(".")[0] == asset["kind"]:
        return []
    return [FieldError("/type", f"is not a type of this asset, whose kind is {asset['kind']}")]


async def _wrong_prospect(tx: Connection, body: DryRun, row: Row | None) -> list[FieldError]:
    if row is not None:
        return []
    erased = await tx.fetchrow(ERASURES["receipt"], body.prospect_id)
    return [FieldError("/prospect_id", "was erased" if erased else "is not a prospect")]


async def _list(tx: Connection, asset: Row, actions: Documents | None, now: datetime) -> ActionList | None:
    """Return the saved list, or what a save of these actions would make of it."""
    saved = await newest(tx, asset["id"])
    if actions is None:
        return saved
    return await draft(tx, asset["id"], asset["kind"], _version(saved) + 1, actions, now)


def _version(actions: ActionList | None) -> int:
    return actions.version if actions else 0


async def _changed(tx: Connection, row: Row, body: DryRun) -> dict[str, Any]:
    """Return the record's values after the change in `data`. Raises Problem 422 as the change itself would."""
    data = body.data.model_dump(mode="json", exclude_unset=True)
    try:
        changes = JsonBody(orjson.dumps(data), data).parse(_CHANGES)
        values, errors = merged(of_row(row), changes, await read_catalogue(tx))
        refuse([*errors, *await unknown_references(tx, changes)])
    except Problem as problem:
        raise invalid([FieldError(f"/data{error.pointer}", error.detail) for error in problem.errors]) from None
    return {**row["snapshot"], **asdict(values)}
