"""The law behind rule 2: what `core.fold` foresees is what the statements do, many commands per prospect and batch."""

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
import pytest

from core.fold import fold
from core.values import Values, to_document
from schemas.field_catalogue import MULTI_MAX_VALUES, NUMBER_LIMIT, SCORE_LIMIT, TEXT_MAX_LENGTH
from tests.integration.executors.bench import bench_of, command

Draw = random.Random
Step = tuple[str, dict[str, Any]]

TAGS = [
    "hot",
    "Hot",
    " HOT ",
    "vip",
    "Éclair",
    "E\u0301CLAIR",
    "éclair",
    "İzmir",
    "izmir",
    "ΣΑΣ",
    "σας",
    "straße",
    "STRASSE",
    "ǅ",
    "ǆ",
    "ÅNGSTRÖM",
    "a\u030angstro\u0308m",
    "\uff21",
    "\uff41",
    "z" * 100,
    "tab\u00a0x",
    "😀",
    "Ⱥ",
    "ⱥ",
]
TEXTS = ["", "a", "b", "a; b", "; ", ";", "ä", "b; ", "x" * TEXT_MAX_LENGTH, "y" * (TEXT_MAX_LENGTH - 2), "😀"]
NUMBERS = [
    0,
    1,
    -1,
    5,
    5.0,
    0.1,
    0.2,
    -0.3,
    2.5,
    1.0001,
    -99.9999,
    12345678901.1234,
    NUMBER_LIMIT - 1,
    1 - NUMBER_LIMIT,
    NUMBER_LIMIT,
    1e300,
    0.12345,
    1e-5,
    -0.0,
]
ITEMS = ["a", "A", "b", "c", "", "ä", "a; b"]
FIELDS = {"t": "text", "n": "number", "m": "multi", "d": "date", "p": "picklist", "o": "bool"}
SCORES = [0, 1, 5, 10, -7, 1000, SCORE_LIMIT, -SCORE_LIMIT]
LISTS = ["news", "tips", "deals", "events"]


def _tags(draw: Draw) -> Step:
    return draw.choice(["add_tags", "remove_tags"]), {
        "tags": draw.choices([tag.strip() for tag in TAGS], k=draw.randint(1, 6))
    }


def _score(draw: Draw) -> Step:
    bounds = sorted(draw.choices(SCORES, k=2))
    low, high = [bound if draw.random() < 0.3 else None for bound in bounds]
    op = draw.choice(["add", "subtract", "set"])
    return "adjust_score", {"op": op, "amount": draw.choice(SCORES), "min": low, "max": high}


def _owner(draw: Draw) -> Step:
    return "assign_owner", {"user": draw.choice(["ann", "bob", None]), "overwrite": draw.choice(["never", "always"])}


def _value(draw: Draw, kind: str) -> Any:
    match kind:
        case "number":
            return draw.choice(NUMBERS)
        case "multi":
            many = [f"v{n}" for n in range(draw.choice([40, MULTI_MAX_VALUES, MULTI_MAX_VALUES + 1]))]
            return many if draw.random() < 0.1 else draw.choices(ITEMS, k=draw.randint(0, 4))
        case "bool":
            return draw.choice([True, False])
        case _:
            return draw.choice(TEXTS)


def _field(draw: Draw) -> Step:
    name, kind = draw.choice(list(FIELDS.items()))
    op = draw.choice(["set", "clear", *(["append"] * 2 if kind in {"text", "multi"} else [])])
    if kind == "number" and draw.random() < 0.6:
        op = "increment"
    value = _value(draw, draw.choice(list(FIELDS.values())) if draw.random() < 0.15 else kind)
    if op == "append" and kind == "multi" and draw.random() < 0.4:
        value = draw.choice(ITEMS)
    kept = None if op == "clear" else value
    return "change_field_value", {
        "field": name,
        "type": kind,
        "op": op,
        "value": kept,
        "only_if_empty": draw.random() < 0.25,
    }


def _lists(draw: Draw) -> Step:
    lists = draw.choices(LISTS, k=draw.randint(1, 3))
    if draw.random() < 0.5:
        return "remove_from_list", {"lists": lists}
    again = {"resubscribe": True, "evidence": "said so"} if draw.random() < 0.4 else {"resubscribe": False}
    return "add_to_list", {"lists": lists, **again}


def _lead(draw: Draw) -> Step:
    return "convert_to_lead", {
        "status": draw.choice(["new", "open"]),
        "owner": draw.choice([None, "ann"]),
        "source": draw.choice([None, "fair"]),
        "on_existing": draw.choice(["link", "update", "skip", "fail"]),
    }


def _stored(draw: Draw) -> dict[str, Any]:
    """Draw a row as other writers may have left it."""
    fields = {
        name: draw.choice([None, 5, 5.0, "5", True, ["a"], [], "", _value(draw, kind)])
        for name, kind in FIELDS.items()
        if draw.random() < 0.4
    }
    statuses = ["subscribed", "pending", "unsubscribed"]
    return {
        "tags": draw.sample(TAGS, k=draw.randint(0, 5)),
        "score": draw.choice(SCORES),
        "owner": draw.choice([None, "ann", "cid"]),
        "fields": {name: value for name, value in fields.items() if value != 1e300},
        "lists": {list_id: draw.choice(statuses) for list_id in LISTS if draw.random() < 0.5},
    }


def _bytes(values: Values) -> bytes:
    """Write values so that 5 and 5.0 differ: a text copied from a number shows which it is."""
    return orjson.dumps(to_document(values), option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize(
    ("executor", "step"),
    [("tags", _tags), ("score", _score), ("owner", _owner), ("fields", _field), ("lists", _lists), ("leads", _lead)],
)
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_row_ends_as_fold_says(
    executor: str, step: Callable[[Draw], Step], seed: int, database_url: str
) -> None:
    draw = random.Random(seed)
    async with bench_of(executor, database_url) as bench:
        expected: dict[UUID, Values] = {}
        for _ in range(40):
            prospect_id = await bench.prospect(**_stored(draw))
            expected[prospect_id] = await bench.values(prospect_id)
        outcomes: dict[str, str] = {}
        order = 0
        for _ in range(5):
            batch = []
            for _ in range(200):
                prospect_id = draw.choice(list(expected))
                action_type, params = step(draw)
                if executor == "leads":
                    params["lead_id"] = str(UUID(int=prospect_id.int ^ 1))
                order += 1
                batch.append(command(prospect_id, action_type, params, order))
                before = expected[prospect_id]
                expected[prospect_id] = fold(before, action_type, params)
                outcomes[batch[-1]["id"]] = "unchanged" if expected[prospect_id] is before else "done"
            await bench.settle(batch)
            for prospect_id, values in expected.items():
                assert _bytes(await bench.values(prospect_id)) == _bytes(values)
        ledger = await bench.ledger()
    told = {id_: "done" if state == "done" else "unchanged" for id_, (state, _) in ledger.items()}
    if executor != "leads":  # an update of an existing lead is done, and changes no value of the prospect
        assert told == outcomes
    assert {"done", "no_change"} <= {state for state, _ in ledger.values()}
