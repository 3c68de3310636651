"""Action lists: read at any version, saved as a whole or action by action. Every write makes a version and is answered
when the broker has it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from core.egress import HostPort
from schemas.action_lists import ACTIONS_MAX, Action, Actions
from services.chassis.json_body import JsonBody
from services.chassis.postgres import Connection
from services.chassis.problems import FieldError
from services.chassis.sql_files import load_sql
from services.console.bodies.action_lists import ActionChanges, ActionOrder, NewAction, ShownList, VersionQuery
from services.console.list_versions import SQL, errors_in, hold_users, newest, save
from services.console.new_ids import new_id
from services.console.publications import Publications
from services.console.refusals import not_found, refuse, require_version, taken
from services.console.route import Call
from services.console.transactions import Database, Row

ASSETS: Final = load_sql(Path(__file__).parents[1] / "sql" / "assets.sql")
_ACTION: Final[TypeAdapter[Action]] = TypeAdapter(Action)

Document = Mapping[str, Any]
Edit = Callable[[Connection, Row, list[Document]], Awaitable[list[Document]]]


@dataclass(frozen=True, slots=True)
class ActionLists:
    """The calls under /api/assets/{id}/actions."""

    database: Database
    publications: Publications
    reachable: frozenset[HostPort] = frozenset()

    async def read(self, call: Call[None, VersionQuery]) -> ShownList:
        """Read the list, at its newest version unless another is named."""
        asset, version = call.path["id"], call.query.version
        if await self.database.row(ASSETS["read"], asset) is None:
            raise not_found("asset")
        if version == 0:
            return ShownList(version=0, actions=[])
        if version is None:
            row = await self.database.row(SQL["newest"], asset)
        else:
            row = await self.database.row(SQL["of_version"], asset, version)
        if row is None and version is not None:
            raise not_found("version")
        return ShownList(version=0, actions=[]) if row is None else _shown(row["document"])

    async def replace(self, call: Call[Actions, None]) -> ShownList:
        """Save the whole ordered list."""
        actions = [document(action) for action in call.body.actions]

        async def edit(tx: Connection, asset: Row, _old: list[Document]) -> list[Document]:
            refuse(await errors_in(tx, asset["kind"], actions, self.reachable))
            return list(actions)

        return await self._save(call, edit)

    async def append(self, call: Call[NewAction, None]) -> ShownList:
        """Add an action at the end."""
        action = document(call.body.root)

        async def edit(tx: Connection, asset: Row, old: list[Document]) -> list[Document]:
            if any(action["id"] == other["id"] for other in old):
                raise taken("/id", "is the id of another action of this list")
            if len(old) >= ACTIONS_MAX:
                refuse([FieldError("", f"a list holds at most {ACTIONS_MAX} actions")])
            await self._check_one(tx, asset, action)
            return [*old, action]

        return await self._save(call, edit)

    async def change(self, call: Call[ActionChanges, None]) -> ShownList:
        """Change one action; its id and place stay."""

        async def edit(tx: Connection, asset: Row, old: list[Document]) -> list[Document]:
            place = _place(old, call.path["action_id"])
            action = changed(old[place], call.body.root)
            await self._check_one(tx, asset, action)
            return [*old[:place], action, *old[place + 1 :]]

        return await self._save(call, edit)

    async def remove(self, call: Call[None, None]) -> ShownList:
        """Take an action off the list."""

        async def edit(_tx: Connection, _asset: Row, old: list[Document]) -> list[Document]:
            place = _place(old, call.path["action_id"])
            return [*old[:place], *old[place + 1 :]]

        return await self._save(call, edit)

    async def reorder(self, call: Call[ActionOrder, None]) -> ShownList:
        """Put the actions into another order."""

        async def edit(_tx: Connection, _asset: Row, old: list[Document]) -> list[Document]:
            by_id = {action["id"]: action for action in old}
            order = call.body.order
            if len(order) != len(by_id) or set(order) != by_id.keys():
                refuse([FieldError("/order", "must hold every id of the list once")])
            return [by_id[action_id] for action_id in order]

        return await self._save(call, edit)

    async def _save(self, call: Call[Any, Any], edit: Edit) -> ShownList:
        async with self.database.transaction() as tx:
            await hold_users(tx)
            asset = await tx.fetchrow(ASSETS["lock"], call.path["id"])
            if asset is None:
                raise not_found("asset")
            old = await newest(tx, asset["id"])
            version = old.version if old else 0
            require_version(call.if_match, version)
            actions = await edit(tx, asset, list(old.actions) if old else [])
            saved, seq = await save(tx, asset["id"], asset["kind"], version + 1, actions, self.database.clock.now())
        await self.publications.wait([seq])
        return _shown(saved.model_dump(mode="json", by_alias=True))

    async def _check_one(self, tx: Connection, asset: Row, action: Document) -> None:
        errors = await errors_in(tx, asset["kind"], [action], self.reachable)
        refuse([FieldError(error.pointer.removeprefix("/actions/0"), error.detail) for error in errors])


def _place(actions: Sequence[Document], action_id: str) -> int:
    for place, action in enumerate(actions):
        if action["id"] == action_id:
            return place
    raise not_found("action")


def document(action: Action) -> dict[str, Any]:
    """Return an action as versions keep it: every default written out, so that a later default changes no old version."""
    return action.model_dump(mode="json", by_alias=True, exclude_none=True)


def changed(old: Document, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the action with these keys replaced. Raises Problem 422."""
    if "id" in changes and changes["id"] != old["id"]:
        refuse([FieldError("/id", "an action keeps its id")])
    merged = {name: value for name, value in {**old, **changes}.items() if value is not None}
    return document(JsonBody(orjson.dumps(merged), merged).parse(_ACTION))


def with_ids(body: Any) -> Any:
    """Give every action of a list that has no id one; what is no list of actions is left for the check to refuse."""
    if isinstance(body, dict) and isinstance(body.get("actions"), list):
        return {**body, "actions": [with_id(action) for action in body["actions"]]}
    return body


def with_id(action: Any) -> Any:
    """Give an action without an id one."""
    if isinstance(action, dict) and action.get("id") is None:
        name = action.get("name")
        return {**action, "id": new_id(name if isinstance(name, str) else "")}
    return action


def _shown(stored: Mapping[str, Any]) -> ShownList:
    return ShownList(version=stored["version"], actions=list(stored["actions"]))
