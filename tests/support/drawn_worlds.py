"""Worlds drawn at random: the lists, in two versions, and what happens to them. Plain JSON, so that another process can play
the same."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

from hypothesis import strategies as st
from msgspec.structs import replace

from core.values import Values
from schemas.topics import RECORD_EXECUTORS
from tests.support.simulation import Row, World, action_list

Json: TypeAlias = dict[str, Any]
Move: TypeAlias = tuple[str, int]

PROSPECTS: Final = [str(UUID(int=number)) for number in (1, 2)]
_OF_ONE_ADDRESS: Final = 12
"""The first events come from one address, the rest have none."""

_TAGS = ["hot", "Hot", "vip", "new"]


def _rule(field: str, operator: str, value: Any) -> Json:
    return {"combinator": "and", "rules": [{"field": field, "operator": operator, "value": value}]}


_criteria = st.one_of(
    st.none(),
    st.sampled_from(_TAGS).map(lambda tag: _rule("original.tags", "anyOf", [tag])),
    st.integers(-5, 15).map(lambda score: _rule("original.score", ">=", score)),
    st.just(_rule("original.owner", "null", None)),
    st.just(_rule("original.city", "=", "rome")),
    st.just(_rule("original.industry", "changedTo", "energy")),
)
_record_actions = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["add_tags", "remove_tags"]),
            "params": st.lists(st.sampled_from(_TAGS), min_size=1, max_size=2).map(lambda tags: {"tags": tags}),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("adjust_score"),
            "params": st.fixed_dictionaries(
                {
                    "op": st.sampled_from(["add", "subtract", "set"]),
                    "amount": st.one_of(st.integers(-5, 10), st.just(2**31 - 1)),
                    "max": st.one_of(st.none(), st.just(12)),
                }
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("assign_owner"),
            "params": st.sampled_from(
                [{"user": "ann", "overwrite": "never"}, {"pool": ["ann", "bob", "cy"], "overwrite": "always"}]
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("change_field_value"),
            "params": st.sampled_from(
                [
                    {"field": "city", "op": "set", "value": "Rome"},
                    {"field": "city", "op": "clear"},
                    {"field": "city", "op": "append", "value": "Oslo"},
                    {"field": "visits", "op": "increment", "value": 1.5},
                    {"field": "city", "op": "copy", "from": "original.owner"},
                    {"field": "seen", "op": "now", "offset": "P1D"},
                ]
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["add_to_list", "remove_from_list"]),
            "params": st.just({"lists": ["news"]}),
        }
    ),
    st.just({"type": "convert_to_lead", "params": {}}),
)
_outside_actions = st.just({"type": "fire_webhook", "params": {"url": "https://example.com/"}})
_frequencies = st.sampled_from(["every", "every", {"once": True}, {"first": 2}])


def _numbered(prefix: str) -> Callable[[list[Json]], list[Json]]:
    return lambda actions: [{**action, "id": f"{prefix}{position}"} for position, action in enumerate(actions)]


def _actions(prefix: str, triggers: list[str]) -> st.SearchStrategy[list[Json]]:
    more = st.fixed_dictionaries(
        {"criteria": _criteria, "trigger": st.sampled_from(triggers), "frequency": _frequencies}
    )
    one = st.builds(lambda action, rest: {**action, **rest}, st.one_of(_record_actions, _outside_actions), more)
    return st.lists(one, min_size=1, max_size=5).map(_numbered(prefix))


_LINK_TRIGGERS: Final = ["clicked"]
_RECORD_TRIGGERS: Final = [
    "created",
    "updated",
    "tag_added",
    "tag_removed",
    "score_changed",
    "owner_changed",
    "converted",
]
lists = st.tuples(*[_actions("link-", _LINK_TRIGGERS), _actions("record-", _RECORD_TRIGGERS)] * 2)
"""The lists of the link and of the record in their first version, and in their second."""

_clicks = st.one_of(
    st.tuples(st.just("accept"), st.integers(0, 15)),
    st.tuples(st.just("accept six of one address"), st.integers(0, 1)),
    st.tuples(st.just("edit the lists"), st.just(0)),
    st.tuples(st.just("change by hand"), st.integers(0, 5)),
)
_machinery = st.one_of(
    st.tuples(st.just("evaluate"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["checkpoint", "crash"]), st.just(0)),
    st.tuples(st.sampled_from([f"carry out {name}" for name in RECORD_EXECUTORS]), st.integers(1, 3)),
    st.tuples(st.sampled_from([f"rewind {name}" for name in RECORD_EXECUTORS]), st.just(0)),
)
moves = st.lists(st.one_of(_clicks, _machinery, _machinery), min_size=15, max_size=60)
"""Moves whose outcome does not depend on the executors' pace."""

any_moves = st.lists(
    st.one_of(_clicks, _machinery, _machinery, st.tuples(st.just("overwrite by hand"), st.integers(0, 5))),
    min_size=15,
    max_size=60,
)
"""Moves with changes of what the executors change, too: who writes last wins."""


def world_of(drawn: Sequence[list[Json]]) -> World:
    """Return a world with these lists and two prospects."""
    types = {"city": "text", "visits": "number", "seen": "datetime", "industry": "text"}
    world = World(
        action_list(asset_id, kind, actions, version, types=types)
        for (asset_id, kind, version), actions in zip(
            [
                (*asset, version)
                for version in (1, 2)
                for asset in (("link", "redirect_link"), ("prospect", "prospect"))
            ],
            drawn,
            strict=True,
        )
    )
    for prospect_id in PROSPECTS:
        world.create(prospect_id, Values(score=3, fields={"city": "Bonn"}))
    return world


def play(world: World, drawn: Sequence[Move]) -> list[int]:
    """Let it all happen, then settle; return the version that each change by hand made."""
    made = []
    for move, number in drawn:
        match move.split():
            case ["evaluate"]:
                world.evaluate(number)
            case ["checkpoint"]:
                world.checkpoint()
            case ["crash"]:
                world.crash()
            case ["carry", "out", executor]:
                world.carry_out(executor, number)
            case ["rewind", executor]:
                world.rewind(executor)
            case _:
                made += happen(world, move, number)
    world.settle()
    return made


def happen(world: World, move: str, number: int, version: int | None = None) -> list[int]:
    """Let one thing happen to the log; a change by hand makes `version`, or the next, and returns it."""
    prospect_id = PROSPECTS[number % 2]
    match move:
        case "accept":
            world.accept(prospect_id, number, data={"ip": "203.0.113.7"} if number < _OF_ONE_ADDRESS else {})
        case "accept six of one address":
            for click in range(6):
                world.accept(prospect_id, 100 + 10 * number + click, data={"ip": "203.0.113.8"})
        case "edit the lists":
            world.edit()
        case "change by hand":
            row = world.rows[prospect_id]
            row.version = row.version if version is None else version - 1
            row.change(_by_hand(row, number))
            return [row.version]
        case "overwrite by hand":
            row = world.rows[prospect_id]
            row.change(replace(row.values, score=number, tags=("vip",), owner=None))
        case _:
            raise AssertionError(move)
    return []


def _by_hand(row: Row, number: int) -> Values:
    """Return the record with another industry, which no action touches: then the executors' pace cannot matter."""
    industry = ["Retail", "Energy", "Construction"][number // 2]
    return replace(row.values, fields={**row.values.fields, "industry": industry})
