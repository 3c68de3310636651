"""Holds the whole database to the client's expectation: every record, decision, command, lead and dead letter, once each,
and nothing else."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import asyncpg

from tests.model.expect import expect_anonymous
from tests.model.expectation import Expected, ExpectedInteraction
from tests.model.log import Definitions
from tests.support.stories import Scene

Rows: TypeAlias = dict[str, Any]
"""What must be there, or is, by id."""

_SHOWN_MAX: Final = 20
_TIMEOUT_S: Final = 30.0


async def audit(database_url: str, expected: Mapping[str, Expected], scene: Scene) -> list[str]:
    """Return a sentence for each difference: none when everything is exactly as expected."""
    connection = await asyncpg.connect(database_url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
    try:
        await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        seen = await _seen(connection, scene.definitions)
    finally:
        await connection.close(timeout=_TIMEOUT_S)
    wanted = _wanted(expected)
    probes = [expect_anonymous(probe, scene.definitions) for probe in scene.probes]
    wanted["decision"] |= {
        one.uid: (f"anon:{probe.event['anonymousid']}", *_decided(one))
        for probe, one in zip(scene.probes, probes, strict=True)
    }
    return [text for kind, rows in wanted.items() for text in _differences(kind, rows, seen[kind])]


def assert_exact(differences: list[str]) -> None:
    """Fail with the first differences, if there are any."""
    assert not differences, "\n".join([f"{len(differences)} differences:", *differences[:_SHOWN_MAX]])


def _wanted(expected: Mapping[str, Expected]) -> dict[str, Rows]:
    interactions = [(owner, one) for owner, told in expected.items() for one in told.interactions]
    commands = [(owner, one.uid, command) for owner, one in interactions for command in one.commands]
    return {
        "record": {owner: told.record for owner, told in expected.items()},
        "decision": {one.uid: (owner, *_decided(one)) for owner, one in interactions},
        "command": {
            command.id: (uid, owner, command.action_id, command.type, command.state) for owner, uid, command in commands
        },
        "dead letter": {command.id: "permanent" for _, _, command in commands if command.state == "dead"},
        "lead": {lead: owner for owner, told in expected.items() if (lead := told.record["lead_id"])},
    }


def _decided(one: ExpectedInteraction) -> tuple[Any, ...]:
    fired = {command.action_id for command in one.commands}
    return one.type, one.asset_id, one.version, one.depth, one.reason, fired, list(one.derived)


async def _seen(connection: "asyncpg.Connection[asyncpg.Record]", definitions: Definitions) -> dict[str, Rows]:
    records = await connection.fetch(
        "SELECT id::text AS key, email, score, owner, tags, lists, consent, lead_id::text, fields FROM prospects"
    )
    decisions = await connection.fetch("SELECT uid::text AS key, prospect_id, document FROM decisions")
    commands = await connection.fetch(
        "SELECT command_id::text AS key, uid::text, prospect_id::text, action_id, type, state FROM command_ledger"
    )
    letters = await connection.fetch("SELECT coalesce(command_id, id)::text AS key, reason FROM dead_letters")
    leads = await connection.fetch("SELECT id::text AS key, prospect_id::text FROM leads")
    return {
        "record": {row["key"]: {name: value for name, value in row.items() if name != "key"} for row in records},
        "decision": {row["key"]: _shown(row["prospect_id"], row["document"], definitions) for row in decisions},
        "command": {row["key"]: tuple(row)[1:] for row in commands},
        "dead letter": {row["key"]: row["reason"] for row in letters},
        "lead": {row["key"]: row["prospect_id"] for row in leads},
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
            yield f"{kind} {key} is missing: {wanted[key]}"
        elif key not in wanted:
            yield f"{kind} {key} should not be there: {seen[key]}"
        elif wanted[key] != seen[key]:
            yield f"{kind} {key} is {seen[key]}, expected {wanted[key]}"
