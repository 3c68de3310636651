"""Makes versions of action lists: each self-contained, numbered under the asset's lock, stored and put into the outbox."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from core.definition_check import as_stored, check_actions, field_types, pools
from core.egress import HostPort
from core.references import References
from schemas.action_lists import ActionList
from schemas.triggers import AssetKind
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError
from services.chassis.sql_files import load_sql
from services.console.catalogue import read_catalogue
from services.console.definitions import publish_list

SQL: Final = load_sql(Path(__file__).parent / "sql" / "action_lists.sql")

Actions = Sequence[Mapping[str, Any]]


async def newest(tx: Connection, asset_id: str) -> ActionList | None:
    """Return the asset's list as it stands, or None when it has none yet."""
    row = await tx.fetchrow(SQL["newest"], asset_id)
    return None if row is None else ActionList.model_validate(row["document"])


async def errors_in(
    tx: Connection, kind: AssetKind, actions: Actions, reachable: Container[HostPort]
) -> list[FieldError]:
    """Return what is wrong with actions of the right form: pointers begin with an action's place, `/actions/0`. `reachable` is
    where webhooks may go besides the public Internet."""
    references = await _references(tx, reachable)
    found = check_actions([dict(action) for action in actions], kind, await read_catalogue(tx), references)
    return [FieldError(pointer, detail) for pointer, detail in found]


async def _references(tx: Connection, reachable: Container[HostPort]) -> References:
    users = await tx.fetch(SQL["user_ids"])
    lists = await tx.fetch(SQL["list_ids"])
    teams = await tx.fetch(SQL["team_ids"])
    templates = await tx.fetch(SQL["template_ids"])
    return References(
        users=frozenset(row["id"] for row in users),
        lists=frozenset(row["id"] for row in lists),
        teams=frozenset(row["id"] for row in teams),
        templates=frozenset(row["id"] for row in templates),
        reachable=reachable,
    )


async def hold_users(tx: Connection) -> None:
    """Let no switch of a user happen until this save is committed. Taken before the asset's lock."""
    await tx.execute(SQL["share_users"])


async def save(
    tx: Connection, asset_id: str, kind: AssetKind, version: int, actions: Actions, now: datetime
) -> tuple[ActionList, int]:
    """Store a version of a list; return it and its outbox row's number. The transaction holds the users' lock."""
    document = await draft(tx, asset_id, kind, version, actions, now)
    await tx.execute(SQL["save"], asset_id, version, document.model_dump(mode="json", by_alias=True), now)
    return document, await publish_list(tx, document)


async def draft(
    tx: Connection, asset_id: str, kind: AssetKind, version: int, actions: Actions, now: datetime
) -> ActionList:
    """Return a version of a list as a save would store it."""
    catalogue = await read_catalogue(tx)
    copies = as_stored(actions, catalogue)
    disabled = await tx.fetch(SQL["disabled_users"], sorted(pools(copies)))
    return ActionList(
        asset_id=asset_id,
        asset_kind=kind,
        version=version,
        actions=tuple(copies),
        types=field_types(copies, catalogue),
        disabled_users=tuple(row["id"] for row in disabled),
        savedtime=now,
    )
