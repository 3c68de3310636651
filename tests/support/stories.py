"""What the load's prospects do, and the lists that answer it: every record executor, cascades, frequency, a pool, the spam
window, and an action that ends dead."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from tests.chaos.model.log import Accepted, Definitions, SavedList
from tests.support.workspace import Workspace

Json = dict[str, Any]

USERS: Final = ("ana", "ben", "eva")
_TYPES: Final = {"visits": "number", **dict.fromkeys(("company", "industry", "country", "city"), "text")}


@dataclass(frozen=True, slots=True)
class Touches:
    """Events of one request: the asset's key, the type and the data of each. `again` posts the same events once more."""

    events: tuple[tuple[str, str, Json], ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class ByHand:
    """Another writer changes a field of the record, once all before it has taken effect."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Refusable:
    """An event that must be refused: it names an asset that does not exist."""


Step = Touches | ByHand | Refusable


@dataclass(slots=True)
class Scene:
    """The workspace of the load: its assets by key, and its lists as saved, for the model."""

    assets: dict[str, str]
    lists: dict[tuple[str, int], SavedList] = field(default_factory=dict)
    probes: list[Accepted] = field(default_factory=list)
    """Interactions of nobody known, posted to see which list ingest stamps."""

    @property
    def definitions(self) -> Definitions:
        """Return what the model needs."""
        return Definitions(_TYPES, self.lists)

    async def save(self, work: Workspace, key: str, actions: Sequence[Json]) -> None:
        """Save a list and remember it."""
        version = await work.save(self.assets[key], actions)
        self.lists[self.assets[key], version] = SavedList(actions)

    def newest(self, asset_id: str) -> int:
        """Return the version that ingest must stamp."""
        return max((version for saved, version in self.lists if saved == asset_id), default=0)


async def make_scene(work: Workspace) -> Scene:
    """Create fields, users, a mailing list, two assets and the three lists."""
    await work.api("POST", "/catalogue", {"name": "visits", "type": "number", "label": "Visits"})
    await work.api("POST", "/lists", {"id": "news", "name": "News"})
    for user in USERS:
        await work.api("POST", "/users", {"id": user, "name": user.capitalize(), "email": f"{user}@example.com"})
    assets = {"link": await work.asset(), "mail": await work.asset(kind="list_email"), "prospect": "prospect"}
    scene = Scene(assets)
    for key, actions in (("prospect", _RECORD), ("link", _LINK), ("mail", _MAIL)):
        await scene.save(work, key, actions)
    for key, kind in (("link", "redirect_link.clicked"), ("mail", "list_email.opened")):
        await known(work, scene, assets[key], kind)
    return scene


async def known(work: Workspace, scene: Scene, asset_id: str, kind: str) -> None:
    """Return once ingest stamps the list that was saved last."""
    while scene.newest(asset_id) not in {probe.version for probe in scene.probes if probe.event["subject"] == asset_id}:
        event = work.event(asset_id, "", anonymousid="probe", type=kind)
        del event["prospectid"]
        (accepted,) = await work.post(event)
        listed = scene.newest("prospect")
        scene.probes.append(Accepted(event, accepted["actionlistversion"], listed, datetime.now(UTC)))


def story(number: int, random: Random) -> Iterator[Step]:
    """Yield the steps of one prospect, in order."""
    client = {"ip": f"198.51.{number // 250}.{number % 250 + 1}"} if number % 8 == 0 else {}
    link = ("link", "redirect_link.clicked", client)
    if client:  # the fifth and the sixth are spam
        yield Touches((link, link, link))
        yield Touches((link,) * 3)
    for _ in range(random.randint(3, 6)):
        city = random.choice(("Bonn", "Graz", "Linz"))
        read = ("mail", "list_email.opened", {"city": city})
        yield Touches(random.choices((link, read), k=random.choice((1, 1, 1, 3))), again=random.random() < 0.1)  # type: ignore[arg-type]
    if number % 6 == 1:
        yield Refusable()
    if number % 4 == 2:
        yield ByHand("industry", "Energy")
        yield Touches((link, link))


def touches(number: int, random: Random) -> Iterator[Step]:
    """Yield only what needs nobody but ingest: a log can be filled with it while the evaluators rest."""
    return (step for step in story(number, random) if isinstance(step, Touches))


def rule(path: str, operator: str, value: Any = None) -> Json:
    """Write criteria of one condition."""
    return {"combinator": "and", "rules": [{"field": path, "operator": operator, "value": value}]}


def action(action_id: str, kind: str, params: Json, trigger: str = "clicked", **more: Any) -> Json:
    """Write an action of a list."""
    return {"id": action_id, "name": action_id, "trigger": trigger, "type": kind, "params": params, **more}


_LINK: Final = [
    action("plus", "adjust_score", {"op": "add", "amount": 5}),
    action("hot", "add_tags", {"tags": ["Hot"]}, criteria=rule("original.score", ">=", 10)),
    action("give", "assign_owner", {"pool": list(USERS)}),
    action("visit", "change_field_value", {"field": "visits", "op": "increment", "value": 1}),
    action("join", "add_to_list", {"lists": ["news"]}),
    action("lead", "convert_to_lead", {}, criteria=rule("original.score", ">=", 30)),
    action(
        "strict",
        "convert_to_lead",
        {"on_existing": "fail"},
        criteria=rule("original.lead_id", "notNull"),
        frequency={"once": True},
    ),
]
_MAIL: Final = [
    action("cool", "adjust_score", {"op": "subtract", "amount": 3, "min": 0}, "opened", frequency={"first": 2}),
    action("cold", "remove_tags", {"tags": ["hot"]}, "opened"),
    action("city", "change_field_value", {"field": "city", "op": "copy", "from": "event.data.city"}, "opened"),
    action("take", "assign_owner", {"user": "eva", "overwrite": "always"}, "opened"),
    action("leave", "remove_from_list", {"lists": ["news"]}, "opened"),
]
_RECORD: Final = [
    action("new", "add_tags", {"tags": ["new"]}, "created"),
    action(
        "heat", "adjust_score", {"op": "add", "amount": 10}, "tag_added", criteria=rule("event.tags", "anyOf", ["hot"])
    ),
    action("cooled", "add_tags", {"tags": ["cooled"]}, "tag_removed"),
    action("prize", "adjust_score", {"op": "add", "amount": 50}, "converted"),
    action(
        "power", "add_tags", {"tags": ["power"]}, "updated", criteria=rule("original.industry", "changedTo", "energy")
    ),
]
