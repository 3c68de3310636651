"""Why: what became of an interaction, and a prospect's interactions in time."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.definitions import CompiledList, compile_list
from services.console.accounts import SQL, Account, account_of, accounts_of, explained
from services.console.bodies.interactions import (
    DecisionSummary,
    ExplainedDecision,
    InteractionAccount,
    TimelineEntry,
)
from services.console.erasure import absent
from services.console.paging import Page, PageQuery, bad_cursor, cut, decode_cursor, encode_cursor
from services.console.refusals import not_found, prospect_id
from services.console.route import Call
from services.console.transactions import Database, Row


@dataclass(frozen=True, slots=True)
class Interactions:
    """GET /api/interactions/{uid} and /api/prospects/{id}/timeline."""

    database: Database

    async def read(self, call: Call[None, None]) -> InteractionAccount:
        """Explain one interaction."""
        uid = _uid(call.path["uid"])
        account = await account_of(self.database, str(uid))
        if account is None:
            raise not_found("interaction")
        return InteractionAccount(uid=uid, decision=_explained(account), **account.common())

    async def timeline(self, call: Call[None, PageQuery]) -> Page[TimelineEntry]:
        """List a prospect's interactions with decisions and outcomes, newest first."""
        prospect, query = prospect_id(call.path), call.query
        after = _position(query.cursor) if query.cursor else (None, None, None)
        rows = await self.database.rows(SQL["timeline"], str(prospect), *after, query.limit + 1)
        if not rows and not (await self.database.rows(SQL["prospect_exists"], prospect))[0][0]:
            raise await absent(self.database.row, prospect)
        shown, more = cut(rows, query.limit)
        accounts = await accounts_of(self.database, shown)
        return Page(items=[_entry(account) for account in accounts], next=_cursor(shown[-1]) if more else None)


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise not_found("interaction") from None


def _position(cursor: str) -> tuple[datetime, int, UUID]:
    recordedtime, position, uid = decode_cursor(cursor, str, int, str)
    try:
        return datetime.fromisoformat(recordedtime), position, UUID(uid)
    except ValueError:
        raise bad_cursor() from None


def _cursor(row: Row) -> str:
    return encode_cursor(row["recordedtime"].isoformat(), row["position"], str(row["uid"]))


def _entry(account: Account) -> TimelineEntry:
    decision = account.decision
    summary = decision and DecisionSummary(
        version=decision.version, reason=decision.reason, fired=[command.action_id for command in account.commands]
    )
    return TimelineEntry(uid=account.row and account.row["uid"], decision=summary, **account.common())


def _explained(account: Account) -> ExplainedDecision | None:
    if account.row is None or account.decision is None:
        return None
    actions = (
        CompiledList(account.decision.asset_id, None, 0) if account.document is None else compile_list(account.document)
    )
    shown = explained(account.row["document"], actions)
    return shown.without_conditions() if account.row["erased"] else shown
