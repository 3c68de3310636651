"""The workspace of the rig: the load's lists, and beside them every outside action, a list that is only looked at, and edits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.chaos.rig.stage import Stage
from tests.support.drain import drained
from tests.support.stories import USERS, Scene, Step, Touches, action, known, make_scene, rule, story

Json = dict[str, Any]
Event = tuple[str, str, Json]

PAGES: Final = 300
"""Interactions of one request that are only looked at: nine in ten fire nothing."""
_LOOKS_MAX: Final = 5
"""Such requests of one prospect: what is remembered of each has a cap."""
CLICKED: Final = "redirect_link.clicked"
_REST_DEADLINE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Leaves:
    """The prospect unsubscribes from everything."""


@dataclass(frozen=True, slots=True)
class Vanishes:
    """The prospect is erased, whatever is under way."""


async def make_world(stage: Stage) -> Scene:
    """Create what the rig's prospects touch, and return when nothing is under way."""
    work, web_port = stage.work, stage.links["deliveries>web"].port
    mail = {"id": "offer", "name": "Offer", "subject": "An offer", "html": "<p>Hello {{ prospect.email }}</p>"}
    await work.api("POST", "/templates", mail)
    scene = await make_scene(work)
    for key, actions in (("reach", _reach(f"http://127.0.0.1:{web_port}")), ("page", _PAGE)):
        scene.assets[key] = await work.asset()
        await scene.save(work, key, actions)
        await known(work, scene, scene.assets[key], CLICKED)
    await drained(stage.kafka, stage.database_url, _REST_DEADLINE_S)
    scene.probes.clear()
    return scene


def life(number: int, random: Random) -> Iterator[Step | Leaves | Vanishes]:
    """Yield the steps of one prospect: the load's story with outside actions, many looks, an end now and then."""
    reach: Event = ("reach", CLICKED, {})
    leaves, looks = number % 5 == 3, 0
    for step in story(number, random):
        yield step
        match random.randrange(6):
            case 0:
                yield Touches((reach,))
            case 1 if looks < _LOOKS_MAX:
                looks += 1
                yield Touches(tuple(("page", CLICKED, {"amount": random.randrange(10)}) for _ in range(PAGES)))
            case 2 if leaves:
                leaves = False
                yield Leaves()
                yield Touches((reach,))
    if number % 12 == 5:
        yield Touches((reach, reach))
        yield Vanishes()


def edited(actions: Sequence[Json], random: Random) -> list[Json]:
    """Return the list as somebody might save it next: reordered, something switched off, another amount."""
    after = [{**one, "enabled": random.random() < 0.9} for one in actions]
    random.shuffle(after)
    for one in after:
        if one["type"] == "adjust_score":
            one["params"] = {**one["params"], "amount": random.randint(1, 9)}
    return after


def _reach(web: str) -> list[Json]:
    return [
        action("reached", "add_tags", {"tags": ["reached"]}),
        action("hook", "fire_webhook", {"url": f"{web}/taken"}),
        action("write", "send_email", {"template": "offer"}),
        action(
            "call",
            "create_crm_task",
            {"title": "Call {{ prospect.email }}", "due": {"in": "P1D"}, "assignee": {"user": USERS[0]}},
        ),
        action("tell", "notify_user", {"to": {"user": USERS[1]}, "text": "A visit"}),
        action("wrong", "fire_webhook", {"url": f"{web}/wrong"}, frequency={"once": True}),
        action(
            "again",
            "convert_to_lead",
            {"on_existing": "fail"},
            criteria=rule("original.lead_id", "notNull"),
            frequency={"once": True},
        ),
        action("run", "execute_lambda", {"function": "enrich"}),
        action("lost", "execute_lambda", {"function": "wrong"}, frequency={"first": 2}),
        action("behind", "fire_webhook", {"url": f"{web}/behind"}, frequency={"first": 2}),
    ]


_PAGE: Final = [action("seen", "adjust_score", {"op": "add", "amount": 1}, criteria=rule("event.data.amount", "=", 9))]
