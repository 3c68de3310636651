"""Holds a system at rest to what its client's log says: database and sinks, by the invariants of the reliability reference.

I1 no loss, I2 no phantom, I3 the model's effects field by field, I4 no doubles, I5 all commands of an interaction or none,
I9 the ledger's ends, I10 conservation, I11 erasure, I12 no mail after consent is lost, I15 one version. (I7 and I8, original
values and the spam window, are the model's: a breach shows as I3.) Shares no code with what it judges. A violation is a sentence that
begins with its invariant.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import asyncpg

from tests.chaos.model.expect import expect, expect_anonymous
from tests.chaos.model.expectation import Expected, ExpectedInteraction
from tests.chaos.model.log import Accepted, Definitions, ProspectLog
from tests.chaos.model.outcomes import ARRIVES, Outcomes, outcomes

Rows: TypeAlias = dict[str, Any]
"""What must be there, or is, by id."""
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_SHOWN_MAX: Final = 20
_TIMEOUT_S: Final = 60.0
_MISSING: Final = {"record": "I3", "decision": "I1", "command": "I5", "dead letter": "I10", "lead": "I3"}
_PHANTOM: Final = {"record": "I2", "decision": "I2", "command": "I2", "dead letter": "I10", "lead": "I4"}
_DIFFERENT: Final = {"record": "I3", "decision": "I3", "command": "I9", "dead letter": "I10", "lead": "I3"}

_SEEN: Final = {
    "record": "SELECT id::text, email, score, owner, tags, lists, consent, lead_id::text, fields FROM prospects"
    " WHERE id <> ALL($1::text[]::uuid[]) AND ($2::text[] IS NULL OR id = ANY($2::text[]::uuid[]))",
    "decision": "SELECT uid::text AS id, prospect_id, document FROM decisions"
    " WHERE prospect_id <> ALL($1) AND ($2::text[] IS NULL OR prospect_id = ANY($2))",
    "command": "SELECT command_id::text AS id, uid::text, prospect_id::text, action_id, type, state FROM command_ledger"
    " WHERE prospect_id <> ALL($1::text[]::uuid[]) AND ($2::text[] IS NULL OR prospect_id = ANY($2::text[]::uuid[]))",
    "dead letter": "SELECT coalesce(command_id, id)::text AS id, reason FROM dead_letters"
    " WHERE coalesce(prospect_id, '') <> ALL($1) AND ($2::text[] IS NULL OR prospect_id = ANY($2))",
    "lead": "SELECT id::text, prospect_id::text FROM leads"
    " WHERE prospect_id <> ALL($1::text[]::uuid[]) AND ($2::text[] IS NULL OR prospect_id = ANY($2::text[]::uuid[]))",
    "create_crm_task": "SELECT id::text FROM tasks"
    " WHERE prospect_id <> ALL($1::text[]::uuid[]) AND ($2::text[] IS NULL OR prospect_id = ANY($2::text[]::uuid[]))",
    "notify_user": "SELECT command_id::text AS id FROM notices"
    " WHERE prospect_id <> ALL($1::text[]::uuid[]) AND ($2::text[] IS NULL OR prospect_id = ANY($2::text[]::uuid[]))",
}
"""What is of nobody in $1, and of somebody in $2 if that is given."""
_TABLES: Final = ("prospects", "decisions", "command_ledger", "dead_letters", "leads", "tasks", "notices")


@dataclass
class Claim:
    """What a client says must be there: its log of each prospect, the lists as saved, and interactions of nobody known."""

    logs: Mapping[str, ProspectLog]
    definitions: Definitions
    probes: Sequence[Accepted] = ()
    erased: Collection[str] = ()
    """Prospects that were erased while they acted: what was carried out before is not certain."""
    told: Mapping[str, Expected] = field(init=False)

    def __post_init__(self) -> None:
        self.told = {owner: expect(log, self.definitions) for owner, log in self.logs.items()}

    @property
    def interactions(self) -> Iterator[tuple[str, ExpectedInteraction]]:
        """Yield what must have happened to whom, but to those who were erased."""
        for owner, told in self.told.items():
            if owner not in self.erased:
                for interaction in told.interactions:
                    yield owner, interaction

    @property
    def outcomes(self) -> Iterator[tuple[str, str, Outcomes]]:
        """Yield prospect, interaction and each command with its ends."""
        for owner, interaction in self.interactions:
            for outcome in outcomes(self.logs[owner], interaction, self.definitions):
                yield owner, interaction.uid, outcome

    @property
    def owners(self) -> list[str]:
        """Return whose rows are claimed, as the database names them."""
        return [*self.logs, *{f"anon:{probe.event['anonymousid']}" for probe in self.probes}]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What came to a sink, by the command's id: the bytes, as often as they came."""

    webhook: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    mail: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    function: Mapping[str, Sequence[bytes]] = field(default_factory=dict)


async def check(
    database_url: str, claim: Claim, elsewhere: Elsewhere | None = None, *, others: bool = False
) -> list[str]:
    """Return a sentence for each violation: none when everything is exactly as claimed, and nothing else is there.

    With `others`, rows of prospects that are not claimed are somebody else's business: see `fingerprint`.
    """
    connection = await _connected(database_url)
    try:
        seen = await _seen(connection, claim, others)
    finally:
        await connection.close(timeout=_TIMEOUT_S)
    wanted = _wanted(claim)
    found = [text for kind, rows in wanted.items() for text in _differences(kind, rows, seen[kind])]
    states = {command_id: row[-1] for command_id, row in seen["command"].items()}
    found += _letters(claim, states, seen["dead letter"])
    found += _inside(claim, states, seen)
    found += _erased(claim, seen["erased"])
    if elsewhere is not None:
        found += _arrived(claim, states, elsewhere)
    return found


async def fingerprint(database_url: str, owners: Collection[str] = ()) -> Mapping[str, tuple[int, int]]:
    """Return how many rows each table has of others than `owners`, and a sum over what is in them."""
    connection = await _connected(database_url)
    try:
        return {table: await _sum(connection, table, list(owners)) for table in _TABLES}
    finally:
        await connection.close(timeout=_TIMEOUT_S)


async def _sum(connection: Connection, table: str, owners: list[str]) -> tuple[int, int]:
    owner = "id" if table == "prospects" else "prospect_id"
    row = await connection.fetchrow(
        f"SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS sum FROM {table} t"
        f" WHERE coalesce({owner}::text, '') <> ALL($1)",
        owners,
    )
    assert row is not None
    return row["rows"], int(row["sum"])


async def _connected(database_url: str) -> Connection:
    connection = await asyncpg.connect(database_url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    return connection


def assert_exact(violations: list[str]) -> None:
    """Fail with the first violations, if there are any."""
    assert not violations, "\n".join([f"{len(violations)} violations:", *violations[:_SHOWN_MAX]])


def _wanted(claim: Claim) -> dict[str, Rows]:
    decisions = {one.uid: (owner, *_decided(one)) for owner, one in claim.interactions}
    for probe in claim.probes:
        one = expect_anonymous(probe, claim.definitions)
        decisions[one.uid] = (f"anon:{probe.event['anonymousid']}", *_decided(one))
    present = {owner: told.record for owner, told in claim.told.items() if owner not in claim.erased}
    return {
        "record": dict(present),
        "decision": decisions,
        "command": {
            outcome.command.id: (uid, owner, outcome.command.action_id, outcome.command.type, outcome.states)
            for owner, uid, outcome in claim.outcomes
        },
        "lead": {lead: owner for owner, record in present.items() if (lead := record["lead_id"])},
    }


def _decided(one: ExpectedInteraction) -> tuple[Any, ...]:
    fired = {command.action_id for command in one.commands}
    return one.type, one.asset_id, one.version, one.depth, one.reason, fired, list(one.derived)


async def _seen(connection: Connection, claim: Claim, others: bool) -> dict[str, Rows]:
    """Read what is of others than those who were erased, and what is left of those."""
    erased, people, owners = list(claim.erased), list(claim.logs), claim.owners
    rows = {}
    for kind, query in _SEEN.items():
        only = owners if kind in ("decision", "dead letter") else people
        rows[kind] = await connection.fetch(query, erased, only if others else None)
    return {
        "record": {row["id"]: {name: value for name, value in row.items() if name != "id"} for row in rows["record"]},
        "decision": {
            row["id"]: _shown(row["prospect_id"], row["document"], claim.definitions) for row in rows["decision"]
        },
        "command": {row["id"]: tuple(row)[1:] for row in rows["command"]},
        "dead letter": {row["id"]: row["reason"] for row in rows["dead letter"]},
        "lead": {row["id"]: row["prospect_id"] for row in rows["lead"]},
        "create_crm_task": dict(Counter(row["id"] for row in rows["create_crm_task"])),
        "notify_user": dict(Counter(row["id"] for row in rows["notify_user"])),
        "erased": await _seen_of_erased(connection, erased),
    }


async def _seen_of_erased(connection: Connection, erased: list[str]) -> Rows:
    decided = await connection.fetch(
        "SELECT uid::text AS uid FROM decisions WHERE prospect_id = ANY($1) AND document IS NOT NULL", erased
    )
    there = await connection.fetch("SELECT id::text AS id FROM prospects WHERE id::text = ANY($1)", erased)
    pending = await connection.fetch(
        "SELECT command_id::text AS id, state FROM command_ledger WHERE prospect_id::text = ANY($1)"
        " AND state NOT IN ('done', 'no_change', 'suppressed', 'dead', 'uncertain')",
        erased,
    )
    return {
        "decided": {row["uid"] for row in decided},
        "there": {row["id"] for row in there},
        "pending": {row["id"]: row["state"] for row in pending},
    }


def _shown(prospect_id: str, document: dict[str, Any] | None, definitions: Definitions) -> tuple[Any, ...]:
    if document is None:
        return (prospect_id, "accepted, not decided")
    actions = definitions.at(document["asset_id"], document["version"]).actions
    fired = {actions[position]["id"] for position in document.get("fired", ())}
    reason, derived = document.get("reason"), list(document.get("derived", ()))
    place = (document["type"], document["asset_id"], document["version"], document.get("depth", 0))
    return (prospect_id, *place, reason, fired, derived)


def _differences(kind: str, wanted: Rows, seen: Rows) -> Iterator[str]:
    for key in sorted(wanted.keys() | seen.keys()):
        if key not in seen:
            yield f"{_MISSING[kind]} {kind} {key} is missing: {wanted[key]}"
        elif key not in wanted:
            yield f"{_PHANTOM[kind]} {kind} {key} should not be there: {seen[key]}"
        elif not _matches(wanted[key], seen[key]):
            yield f"{_DIFFERENT[kind]} {kind} {key} is {seen[key]}, expected {wanted[key]}"


def _matches(wanted: Any, seen: Any) -> bool:
    """Compare; of a command the last place is the states of which it must have one."""
    if isinstance(wanted, tuple) and isinstance(wanted[-1], frozenset):
        return bool(wanted[:-1] == seen[:-1] and seen[-1] in wanted[-1])
    return bool(wanted == seen)


def _letters(claim: Claim, states: Mapping[str, str], seen: Rows) -> Iterator[str]:
    """Say which dead letters differ from the ledger's ends: every dead command has one, and every mail that may have left."""
    reasons = {"dead": "permanent", "uncertain": "uncertain"}
    wanted = {
        outcome.command.id: reasons[state]
        for _, _, outcome in claim.outcomes
        if (state := states.get(outcome.command.id)) in reasons
    }
    yield from _differences("dead letter", wanted, seen)


def _inside(claim: Claim, states: Mapping[str, str], seen: Mapping[str, Rows]) -> Iterator[str]:
    """Say which tasks and notices are not there once for each command that is done."""
    for kind in ("create_crm_task", "notify_user"):
        done = {
            outcome.command.id
            for _, _, outcome in claim.outcomes
            if outcome.command.type == kind and states.get(outcome.command.id) == "done"
        }
        for command_id in sorted(done | seen[kind].keys()):
            if (count := seen[kind].get(command_id, 0)) != (command_id in done):
                yield f"{'I4' if count else 'I3'} {kind} {command_id} is there {count} times"


def _erased(claim: Claim, seen: Mapping[str, Any]) -> Iterator[str]:
    """Say what is left of those who were erased, and what was lost with them: the fact that something happened stays."""
    for owner in claim.erased:
        if owner in seen["there"]:
            yield f"I11 the record of the erased {owner} is there"
        accepted = {entry.uid for entry in claim.logs[owner].entries if isinstance(entry, Accepted)}
        for uid in sorted(accepted - seen["decided"]):
            yield f"I1 interaction {uid} of the erased {owner} was never decided"
    for command_id, state in seen["pending"].items():
        yield f"I9 command {command_id} of an erased prospect is {state}"


def _arrived(claim: Claim, states: Mapping[str, str], elsewhere: Elsewhere) -> Iterator[str]:
    """Say what came that should not have, did not come, or came again with other bytes, or a second time as mail."""
    came = {"webhook": elsewhere.webhook, "mail": elsewhere.mail, "function": elsewhere.function}
    known: dict[str, set[str]] = defaultdict(set)
    for _, _, outcome in claim.outcomes:
        if (where := ARRIVES.get(outcome.command.type)) is None:
            continue
        command_id = outcome.command.id
        known[where].add(command_id)
        bodies, state = came[where].get(command_id, ()), states.get(command_id)
        if state == "done" and not bodies:
            yield f"I3 {where} {command_id} is done and never came"
        if state in ("suppressed", "held") and bodies:
            yield f"{'I12' if where == 'mail' else 'I2'} {where} {command_id} is {state} and came"
        if len(set(bodies)) > 1:
            yield f"I4 {where} {command_id} came with different bytes"
        if where == "mail" and len(bodies) > 1:
            yield f"I4 mail {command_id} came {len(bodies)} times"
    for where, bodies_by_id in came.items():
        for command_id in sorted(bodies_by_id.keys() - known[where] - _ids_of(claim, claim.erased)):
            yield f"I2 {where} {command_id} came and nobody asked for it"


def _ids_of(claim: Claim, owners: Iterable[str]) -> set[str]:
    return {command.id for owner in owners for one in claim.told[owner].interactions for command in one.commands}
