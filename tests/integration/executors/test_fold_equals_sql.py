"""The law behind rule 2: what `core.fold` foresees is what the statements do, many commands per prospect and batch."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.fold import fold
from core.values import Values, to_document
from schemas.field_catalogue import MULTI_MAX_VALUES, NUMBER_LIMIT, SCORE_LIMIT, TEXT_MAX_LENGTH
from tests.integration.executors.bench import Bench, bench_of, command

Step = tuple[str, dict[str, Any]]
Row = dict[str, Any]

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


_texts = st.sampled_from(TEXTS)
_items = st.sampled_from(ITEMS)
_many = st.sampled_from([40, MULTI_MAX_VALUES, MULTI_MAX_VALUES + 1]).map(lambda size: [f"v{n}" for n in range(size)])
_value_of: dict[str, st.SearchStrategy[Any]] = {
    "text": _texts,
    "number": st.sampled_from(NUMBERS),
    "multi": st.one_of(st.lists(_items, max_size=4), st.lists(_items, max_size=4), _many),
    "date": _texts,
    "picklist": _texts,
    "bool": st.booleans(),
}
_OPS = {"text": ["append"], "multi": ["append"], "number": ["increment"]}


def _optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def _params(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(strategies)


@st.composite
def _field(draw: st.DrawFn) -> Step:
    name = draw(st.sampled_from(list(FIELDS)))
    kind = FIELDS[name]
    op = draw(st.sampled_from(["set", "clear", *_OPS.get(kind, []) * 3]))
    fitting = [_value_of[kind], _value_of[kind]] + ([_items] if (op, kind) == ("append", "multi") else [])
    value = draw(st.one_of(*fitting, draw(st.sampled_from(list(_value_of.values())))))
    return "change_field_value", {
        "field": name,
        "type": kind,
        "op": op,
        "value": None if op == "clear" else value,
        "only_if_empty": draw(st.sampled_from([False, False, True])),
    }


def _adjusted(drawn: dict[str, Any]) -> Step:
    low, high = drawn.pop("bounds")
    crossed = low is not None and high is not None and low > high
    return "adjust_score", {**drawn, "min": high if crossed else low, "max": low if crossed else high}


_lists = st.lists(st.sampled_from(LISTS), min_size=1, max_size=3)
_tags = st.lists(st.sampled_from([tag.strip() for tag in TAGS]), min_size=1, max_size=6)
_bound = st.one_of(st.none(), st.none(), st.sampled_from(SCORES))

STEPS: dict[str, st.SearchStrategy[Step]] = {
    "tags": st.tuples(st.sampled_from(["add_tags", "remove_tags"]), _params(tags=_tags)),
    "score": _params(
        op=st.sampled_from(["add", "subtract", "set"]),
        amount=st.sampled_from(SCORES),
        bounds=st.tuples(_bound, _bound),
    ).map(_adjusted),
    "owner": st.tuples(
        st.just("assign_owner"),
        _params(user=st.sampled_from(["ann", "bob", None]), overwrite=st.sampled_from(["never", "always"])),
    ),
    "fields": _field(),
    "lists": st.one_of(
        st.tuples(st.just("remove_from_list"), _params(lists=_lists)),
        st.tuples(st.just("add_to_list"), _params(lists=_lists, resubscribe=st.just(value=False))),
        st.tuples(
            st.just("add_to_list"),
            _params(lists=_lists, resubscribe=st.just(value=True), evidence=st.just("said so")),
        ),
    ),
    "leads": st.tuples(
        st.just("convert_to_lead"),
        _params(
            status=st.sampled_from(["new", "open"]),
            owner=st.sampled_from([None, "ann"]),
            source=st.sampled_from([None, "fair"]),
            on_existing=st.sampled_from(["link", "update", "skip", "fail"]),
        ),
    ),
}

_odd = st.sampled_from([None, 5, 5.0, "5", True, ["a"], [], ""])
_rows: st.SearchStrategy[Row] = _params(
    tags=st.lists(st.sampled_from(TAGS), max_size=5, unique=True),
    score=st.sampled_from(SCORES),
    owner=st.sampled_from([None, "ann", "cid"]),
    fields=st.fixed_dictionaries(
        {},
        optional={
            name: st.one_of(_odd, _value_of[kind].filter(lambda value: value != 1e300)) for name, kind in FIELDS.items()
        },
    ),
    lists=st.dictionaries(st.sampled_from(LISTS), st.sampled_from(["subscribed", "pending", "unsubscribed"])),
)
"""Rows as other writers may have left them."""


def _batches(executor: str) -> st.SearchStrategy[list[list[tuple[int, Step]]]]:
    """Draw batches of commands, each with which of the rows it is for."""
    commands = st.lists(st.tuples(st.integers(0, 9), STEPS[executor]), min_size=5, max_size=50)
    return st.lists(commands, min_size=1, max_size=3)


def _bytes(values: Values) -> bytes:
    """Write values so that 5 and 5.0 differ: a text copied from a number shows which it is."""
    return orjson.dumps(to_document(values), option=orjson.OPT_SORT_KEYS)


@pytest.fixture(params=list(STEPS))
async def bench(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Bench]:
    """Yield one executor's pipeline; what was drawn must have changed some records, and left some as they were."""
    async with bench_of(request.param, database_url) as opened:
        yield opened
        assert {"done", "no_change"} <= {state for state, _ in (await opened.ledger()).values()}


@given(st.data(), st.lists(_rows, min_size=1, max_size=3))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_row_ends_as_fold_says(bench: Bench, data: st.DataObject, rows: list[Row]) -> None:
    batches = data.draw(_batches(bench.name))
    ids = [await bench.prospect(**row) for row in rows]
    expected = {prospect_id: await bench.values(prospect_id) for prospect_id in ids}
    outcomes: dict[str, str] = {}
    for batch in batches:
        documents = []
        for place, (action_type, params) in batch:
            prospect_id = ids[place % len(ids)]
            if bench.name == "leads":
                params = {**params, "lead_id": str(UUID(int=prospect_id.int ^ 1))}  # noqa: PLW2901
            documents.append(command(prospect_id, action_type, params, 1 + len(outcomes)))
            before = expected[prospect_id]
            expected[prospect_id] = fold(before, action_type, params)
            outcomes[documents[-1]["id"]] = "unchanged" if expected[prospect_id] is before else "done"
        await bench.settle(documents)
        for prospect_id, values in expected.items():
            assert _bytes(await bench.values(prospect_id)) == _bytes(values)
    ledger = await bench.ledger()
    told = {id_: "done" if ledger[id_][0] == "done" else "unchanged" for id_ in outcomes}
    if bench.name != "leads":  # an update of an existing lead is done, and changes no value of the prospect
        assert told == outcomes
