"""The live figures are read from the services' metrics pages."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from deploy.demo.address import Address
from deploy.demo.api import Api, connected
from deploy.demo.gauges import Counts, read_counts

PAGE = """\
# TYPE finish_evaluator_fired_total counter
finish_evaluator_fired_total{executor="tags"} 3.0
finish_evaluator_fired_total{executor="score"} 4.0
# TYPE finish_effects_total counter
finish_effects_total{executor="tags",action_type="add_tags",outcome="done"} 2.0
finish_effects_total{executor="tags",action_type="add_tags",outcome="no_change"} 1.0
# TYPE finish_event_to_effect_seconds histogram
finish_event_to_effect_seconds_bucket{executor="tags",le="0.1"} 1.0
finish_event_to_effect_seconds_bucket{executor="tags",le="+Inf"} 3.0
"""


@pytest.fixture
async def page() -> AsyncIterator[str]:
    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=PAGE)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]  # no public way
    await runner.cleanup()


async def _counted(ops: dict[str, str]) -> Counts | None:
    async with connected(Address("", "", "", "", ops)) as api:
        assert isinstance(api, Api)
        return await read_counts(api)


async def test_counts_are_summed_over_services_and_labels(page: str) -> None:
    counts = await _counted({"evaluator": page, "executors": page})
    assert counts == Counts(14, {"done": 4, "no_change": 2}, {0.1: 2, float("inf"): 6})


async def test_a_stack_that_does_not_tell_or_answer_has_no_counts() -> None:
    assert await _counted({}) is None
    assert await _counted({"evaluator": "http://127.0.0.1:1"}) is None


def test_only_what_came_after_the_start_counts() -> None:
    start, end = Counts(5, {"done": 1}, {1.0: 1}), Counts(7, {"done": 4, "dead": 1}, {1.0: 3})
    assert end.since(start) == Counts(2, {"done": 3, "dead": 1}, {1.0: 2})


def test_quantiles_lie_between_their_bounds() -> None:
    counts = Counts(within_s={0.1: 50, 0.2: 90, 0.4: 100, float("inf"): 100})
    assert counts.quantile_s(0.25) == pytest.approx(0.05)
    assert counts.quantile_s(0.7) == pytest.approx(0.15)
    assert counts.quantile_s(0.99) == pytest.approx(0.38)
    assert Counts().quantile_s(0.5) is None
    assert Counts(within_s={0.1: 0, float("inf"): 2}).quantile_s(0.5) == pytest.approx(0.1)


def test_the_latency_is_told_once_there_are_effects() -> None:
    assert Counts().latency() is None
    assert Counts(within_s={0.1: 50, 0.2: 100, float("inf"): 100}).latency() == "100 ms p50, 198 ms p99"
