"""Rule 2's other half: whatever is delivered twice, late or in whatever batches, every snapshot plus what it does not cover
is the same record, and once all is settled nothing is uncovered."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.state import Effect, effect, folded, uncovered
from core.values import from_document
from tests.integration.executors.bench import Bench, bench_of, command
from tests.integration.executors.cases import CASES, Case

PROSPECTS = 3


class Drawn(NamedTuple):
    """One command of the log: for which prospect, of which executor, and what becomes of it."""

    prospect: int
    case: Case
    number: int
    kind: str


class Delivery(NamedTuple):
    """An executor reads `size` of its commands as one batch, from `back` before where it stands, all of them `times`."""

    executor: str
    back: int
    size: int
    times: int


class Sent(NamedTuple):
    """A command in its executor's topic, with the effect that the evaluator folds; one that ends dead has none."""

    document: dict[str, Any]
    effect: Effect | None


Benches = Mapping[str, Bench]

_kinds = st.sampled_from(["effective"] * 4 + ["idle", "wrong", "unknown"])
_log = st.lists(
    st.builds(Drawn, st.integers(0, PROSPECTS - 1), st.sampled_from(CASES), st.integers(0, 30), _kinds),
    min_size=20,
    max_size=80,
)
_deliveries = st.lists(
    st.builds(
        Delivery,
        st.sampled_from([case.executor for case in CASES]),
        st.sampled_from([0, 0, 0, 1, 5, 30]),
        st.integers(1, 12),
        st.sampled_from([1, 1, 1, 2]),
    ),
    max_size=40,
)


@pytest.fixture
async def benches(database_url: str) -> AsyncIterator[Benches]:
    """Yield every record executor's pipeline over one database."""
    async with AsyncExitStack() as stack:
        yield {case.executor: await stack.enter_async_context(bench_of(case.executor, database_url)) for case in CASES}


def _sent(drawn: Drawn, order: int, prospect_id: UUID, lead: UUID) -> Sent:
    case = drawn.case
    action_type, params = case.type, dict(case.effective(drawn.number))
    match drawn.kind:
        case "idle":
            action_type, params = case.idle_type, dict(case.idle)
        case "wrong":
            params = dict(case.wrong)
        case "unknown":
            action_type = "grow_wings"
        case _:  # effective as it is
            pass
    if "lead_id" in params:
        params["lead_id"] = str(lead)
    pending = effect(order, case.executor, action_type, params, 0) if drawn.kind in {"effective", "idle"} else None
    return Sent(command(prospect_id, action_type, params, order), pending)


async def _deliver(benches: Benches, topics: Mapping[str, list[Sent]], deliveries: list[Delivery]) -> None:
    """Let the executors read as drawn, and in the end whatever is left."""
    at = Counter[str]()
    rest = [Delivery(executor, 0, len(topic), 1) for executor, topic in topics.items()]
    for executor, back, size, times in (*deliveries, *rest):
        start = max(at[executor] - back, 0)
        batch = topics[executor][start : start + size]
        at[executor] = max(at[executor], start + len(batch))
        await benches[executor].settle([sent.document for sent in batch] * times)


@given(_log, _deliveries)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_snapshot_plus_what_it_does_not_cover_is_the_same_record(
    benches: Benches, log: list[Drawn], deliveries: list[Delivery]
) -> None:
    any_bench = benches["tags"]
    ids = [await any_bench.prospect() for _ in range(PROSPECTS)]
    leads = [uuid4() for _ in ids]
    sent = [_sent(drawn, order, ids[drawn.prospect], leads[drawn.prospect]) for order, drawn in enumerate(log, 1)]
    topics: dict[str, list[Sent]] = {executor: [] for executor in benches}
    for drawn, one in zip(log, sent, strict=True):
        topics[drawn.case.executor].append(one)
    await _deliver(benches, topics, deliveries)
    for prospect, prospect_id in enumerate(ids):
        mine = [one for drawn, one in zip(log, sent, strict=True) if drawn.prospect == prospect]
        effects = tuple(one.effect for one in mine if one.effect is not None)
        snapshots = await any_bench.snapshots(prospect_id)
        expected = folded(from_document(snapshots[0]["values"]), effects)
        for snapshot in snapshots:
            pending = uncovered(effects, snapshot["marks"])
            assert folded(from_document(snapshot["values"]), pending) == expected
        last = snapshots[-1]["marks"]
        assert all(
            one.document["order"] <= last[drawn.case.executor]
            for drawn, one in zip(log, sent, strict=True)
            if drawn.prospect == prospect
        )
        assert await any_bench.values(prospect_id) == expected
