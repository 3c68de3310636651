"""Makes the demo's workspace: fields, users and lists that stay for later runs, assets and action lists of this run."""

from dataclasses import dataclass
from typing import Any, Final

from deploy.demo import campaign
from deploy.demo.api import Api, Refused
from deploy.demo.journal import Journal
from deploy.errors import DeployError

_TAKEN: Final = 409
_EDITED: Final = 412
_EDITS_MAX: Final = 5
_OURS: Final = "demo"
PROSPECT: Final = "prospect"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The assets of this run: their ids by the campaign's keys."""

    assets: dict[str, str]


async def make_workspace(api: Api, journal: Journal) -> Workspace:
    """Create what is missing and save this run's lists, the record triggers' first."""
    await _fields(api, journal)
    await _users(api, journal)
    for list_id, name in campaign.LISTS.items():
        await _unless_taken(api, "/lists", {"id": list_id, "name": name})
    await _record_list(api, journal)
    assets = {key: f"{key}-{journal.run}" for key in campaign.ASSETS}
    for key, asset in campaign.ASSETS.items():
        await api.console("POST", "/assets", {"id": assets[key], **asset})
        journal.mappings[assets[key]] = asset.get("mapping", {})
    for key, actions in campaign.lists(assets["mail"], f"{api.address.mail}/hooks").items():
        await save(api, journal, assets[key], actions)
    return Workspace(assets)


async def save(api: Api, journal: Journal, asset_id: str, actions: list[dict[str, Any]], **more: Any) -> int:
    """Save a whole list and return its version."""
    answer = await api.console("PUT", f"/assets/{asset_id}/actions", {"actions": actions}, **more)
    journal.saved(asset_id, answer["version"], actions)
    return int(answer["version"])


async def reorder(api: Api, journal: Journal, asset_id: str, version: int) -> None:
    """Put the actions of `version` into reverse order, which makes a new version."""
    actions = list(reversed(journal.lists[asset_id, version].actions))
    order = {"order": [action["id"] for action in actions]}
    answer = await api.console("PUT", f"/assets/{asset_id}/actions/order", order)
    journal.saved(asset_id, answer["version"], [dict(action) for action in actions])


async def _fields(api: Api, journal: Journal) -> None:
    for field in campaign.FIELDS:
        await _unless_taken(api, "/catalogue", field)
    types = {field["name"]: field["type"] for field in (await api.console("GET", "/catalogue"))["fields"]}
    for field in campaign.FIELDS:
        if types[field["name"]] != field["type"]:
            raise DeployError(
                f"the demo needs the field {field['name']} as {field['type']}, and it is {types[field['name']]}"
            )
    journal.types.update(types)


async def _users(api: Api, journal: Journal) -> None:
    for user in campaign.USERS:
        name = user.removeprefix("demo-").capitalize()
        body = {"id": user, "name": name, "email": f"{user}@example.com", "enabled": user != campaign.AWAY}
        await _unless_taken(api, "/users", body)
    journal.disabled_users = frozenset(user["id"] for user in await api.pages("/users") if not user["enabled"])


async def _record_list(api: Api, journal: Journal) -> None:
    """Put this run's actions behind those of others in the one shared list; those of earlier runs make room."""
    for _ in range(_EDITS_MAX):
        now = await api.console("GET", f"/assets/{PROSPECT}/actions")
        others = [action for action in now["actions"] if not action["id"].startswith(_OURS)]
        actions = [*others, *campaign.record_list(journal.run)]
        guard = {"If-Match": f'"{now["version"]}"'}
        try:
            journal.prospect_list_version = await save(api, journal, PROSPECT, actions, headers=guard)
        except Refused as refusal:
            if refusal.status != _EDITED:
                raise
        else:
            return
    raise DeployError("somebody else keeps editing the list of the record triggers: try again later")


async def _unless_taken(api: Api, path: str, body: dict[str, Any]) -> None:
    try:
        await api.console("POST", path, body)
    except Refused as refusal:
        if refusal.status != _TAKEN:
            raise
