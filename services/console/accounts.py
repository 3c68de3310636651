"""Tells what became of interactions, from history's rows, the versions that decided, the ledger and the dead letters.

Commands are computed from the decision's fired positions, so one that no executor has met yet is told too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.definitions import CompiledList
from core.explain import explain
from schemas.decisions import Decision
from schemas.identity import command_id
from schemas.outcomes import SETTLED, InteractionStatus
from services.chassis.sql_files import load_sql
from services.console.bodies.interactions import CommandAccount, ExplainedDecision, JudgedAction, Outcome
from services.console.transactions import Database, Row

SQL: Final = load_sql(Path(__file__).parent / "sql" / "interactions.sql")


@dataclass(frozen=True, slots=True)
class Account:
    """One interaction. `row` is history's (None: only a dead letter tells of it), `actions` the version that decided."""

    row: Row | None
    decision: Decision | None
    document: Mapping[str, Any] | None
    commands: list[CommandAccount]
    status: InteractionStatus

    def common(self) -> dict[str, Any]:
        """Return what the timeline and the single account both show."""
        row, decision = self.row, self.decision
        return {
            "status": self.status,
            "type": row["type"] if row else None,
            "asset_id": row["asset_id"] if row else None,
            "prospect_id": row["prospect_id"] if row else None,
            "time": decision.time if decision else None,
            "recordedtime": row["recordedtime"] if row else None,
            "depth": decision.depth if decision else 0,
            "caused_by": decision.caused_by if decision else None,
            "derived": list(decision.derived) if decision else [],
            "commands": self.commands,
        }


async def account_of(database: Database, uid: str) -> Account | None:
    """Tell of one interaction; None: it is unknown."""
    row = await database.row(SQL["one"], uid)
    if row is not None:
        return (await accounts_of(database, [row]))[0]
    dead = await database.rows(SQL["dead"], [uid])
    return Account(None, None, None, [], "dead") if dead else None


async def accounts_of(database: Database, rows: Sequence[Row]) -> list[Account]:
    """Tell of each of history's rows, in their order."""
    decisions = [None if row["document"] is None else Decision.model_validate(row["document"]) for row in rows]
    uids = [row["uid"] for row in rows]
    documents = await _documents(database, [decision for decision in decisions if decision])
    dead = await database.rows(SQL["dead"], uids)
    outcomes = {row["command_id"]: _dead_outcome(row) for row in dead if row["command_id"] is not None}
    outcomes.update({row["command_id"]: Outcome.model_validate(dict(row)) for row in await _outcomes(database, uids)})
    refused = {row["uid"] for row in dead if row["command_id"] is None}
    accounts = []
    for row, decision in zip(rows, decisions, strict=True):
        document = documents.get((decision.asset_id, decision.version)) if decision else None
        commands = _commands(decision, document, outcomes) if decision and document else []
        status = _status(decision, commands, refused=row["uid"] in refused)
        accounts.append(Account(row, decision, document, commands, status))
    return accounts


def explained(decision: Mapping[str, Any], actions: CompiledList) -> ExplainedDecision:
    """Return why each action of the version that decided fired or not."""
    return ExplainedDecision(
        version=decision["version"],
        reason=decision.get("reason"),
        actions=[JudgedAction.model_validate(judged) for judged in explain(decision, actions)],
    )


async def _outcomes(database: Database, uids: Sequence[Any]) -> list[Row]:
    return await database.rows(SQL["outcomes"], uids)


async def _documents(database: Database, decisions: Sequence[Decision]) -> dict[tuple[str, int], Mapping[str, Any]]:
    wanted = sorted({(decision.asset_id, decision.version) for decision in decisions if decision.version})
    if not wanted:
        return {}
    assets, versions = [asset for asset, _ in wanted], [version for _, version in wanted]
    rows = await database.rows(SQL["lists"], assets, versions)
    return {(row["asset_id"], row["version"]): row["document"] for row in rows}


def _commands(decision: Decision, document: Mapping[str, Any], outcomes: Mapping[Any, Outcome]) -> list[CommandAccount]:
    commands = []
    for position in decision.fired:
        action = document["actions"][position]
        account = CommandAccount(
            id=command_id(str(decision.uid), action["id"]),
            action_id=action["id"],
            type=action["type"],
            outcome=Outcome(),
        )
        commands.append(account.model_copy(update={"outcome": outcomes.get(account.id, account.outcome)}))
    return commands


def _dead_outcome(row: Row) -> Outcome:
    return Outcome(state="dead", reason=row["reason"], attempts=row["attempts"], error=row["error"])


def _status(decision: Decision | None, commands: Sequence[CommandAccount], *, refused: bool) -> InteractionStatus:
    if decision is None:
        return "dead" if refused else "accepted"
    return "settled" if all(command.outcome.state in SETTLED for command in commands) else "decided"
