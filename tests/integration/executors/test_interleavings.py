"""Rule 2's other half: whatever is delivered twice, late or in whatever batches, every snapshot plus what it does not cover
is the same record, and once all is settled nothing is uncovered."""

import random
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.state import Effect, folded, uncovered
from core.values import from_document
from tests.integration.executors.bench import Bench, bench_of, command
from tests.integration.executors.cases import CASES

Sent = list[tuple[dict[str, Any], Effect | None]]


def _log(draw: random.Random, prospect_id: UUID, lead: UUID) -> dict[str, Sent]:
    """Draw a prospect's commands in the order of its log, by executor; the effects that end dead have none."""
    sent: dict[str, Sent] = {case.executor: [] for case in CASES}
    for order in range(1, 41):
        case = draw.choice(CASES)
        kind = draw.random()
        action_type, params = case.type, dict(case.effective(draw.randint(0, 30)))
        if kind < 0.2:
            action_type, params = case.idle_type, dict(case.idle)
        elif kind < 0.3:
            params = dict(case.wrong)
        elif kind < 0.4:
            action_type = "grow_wings"
        if "lead_id" in params:
            params["lead_id"] = str(lead)
        document = command(prospect_id, action_type, params, order)
        fits = kind < 0.2 or kind >= 0.4
        sent[case.executor].append((document, Effect(order, case.executor, action_type, params, 0) if fits else None))
    return sent


def _delivered(draw: random.Random, logs: list[Sent]) -> list[dict[str, Any]]:
    """Merge the prospects' logs, each in order, then repeat some: a stretch read again, and single late ones."""
    queues = [[document for document, _ in log] for log in logs if log]
    merged: list[dict[str, Any]] = []
    while queues := [queue for queue in queues if queue]:
        merged.append(draw.choice(queues).pop(0))
        if draw.random() < 0.1:
            merged += merged[-draw.randint(1, 12) :]
        if draw.random() < 0.05:
            merged.append(draw.choice(merged))
    return merged


async def _drain(draw: random.Random, benches: list[Bench], streams: dict[str, list[dict[str, Any]]]) -> None:
    """Let the executors go on in any order, a batch of any size at a time."""
    while waiting := [bench for bench in benches if streams[bench.name]]:
        bench = draw.choice(waiting)
        size = draw.randint(1, 30)
        batch, streams[bench.name] = streams[bench.name][:size], streams[bench.name][size:]
        await bench.settle(batch)


@pytest.mark.parametrize("seed", range(4))
async def test_every_snapshot_plus_what_it_does_not_cover_is_the_same_record(seed: int, database_url: str) -> None:
    draw = random.Random(seed)
    async with AsyncExitStack() as stack:
        benches = [await stack.enter_async_context(bench_of(case.executor, database_url)) for case in CASES]
        logs = {
            prospect_id: _log(draw, prospect_id, uuid4())
            for prospect_id in [await benches[0].prospect() for _ in range(4)]
        }
        streams = {case.executor: _delivered(draw, [log[case.executor] for log in logs.values()]) for case in CASES}
        await _drain(draw, benches, streams)
        for prospect_id, log in logs.items():
            sent = sorted((document["order"], case, effect) for case, many in log.items() for document, effect in many)
            effects = tuple(effect for _, _, effect in sent if effect is not None)
            snapshots = await benches[0].snapshots(prospect_id)
            expected = folded(from_document(snapshots[0]["values"]), effects)
            for snapshot in snapshots:
                pending = uncovered(effects, snapshot["marks"])
                assert folded(from_document(snapshot["values"]), pending) == expected
            last = snapshots[-1]["marks"]
            assert all(order <= last[executor] for order, executor, _ in sent)
            assert await benches[0].values(prospect_id) == expected
