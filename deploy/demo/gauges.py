"""What the services count, read from their metrics pages: what fired, which effects, how long from acceptance to effect."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from deploy.demo.api import Api


@dataclass(frozen=True, slots=True)
class Counts:
    """Totals since the services started. `within_s` has, by bound, how many effects took no longer."""

    fired: int = 0
    effects: Mapping[str, int] = field(default_factory=dict)
    within_s: Mapping[float, int] = field(default_factory=dict)

    def since(self, start: "Counts") -> "Counts":
        """Return what was counted after `start`."""
        return Counts(
            self.fired - start.fired,
            {outcome: count - start.effects.get(outcome, 0) for outcome, count in self.effects.items()},
            {bound: count - start.within_s.get(bound, 0) for bound, count in self.within_s.items()},
        )

    def quantile_s(self, share: float) -> float | None:
        """Return the time within which that share took effect, straight between two bounds; None: nothing was counted."""
        bounds = sorted(self.within_s)
        wanted = share * self.within_s[bounds[-1]] if bounds else 0
        for low, high in pairwise([0.0, *bounds]):
            below = self.within_s.get(low, 0)
            if self.within_s[high] >= wanted > below:
                if high == bounds[-1]:
                    return low
                return low + (high - low) * (wanted - below) / (self.within_s[high] - below)
        return None

    def latency(self) -> str | None:
        """Return p50 and p99 from acceptance to effect, in words; None: nothing was counted."""
        half, most = self.quantile_s(0.5), self.quantile_s(0.99)
        return None if half is None or most is None else f"{1000 * half:.0f} ms p50, {1000 * most:.0f} ms p99"


async def read_counts(api: Api) -> Counts | None:
    """Read all services' pages. None: the stack does not tell where they are, or one does not answer now."""
    try:
        pages = await asyncio.gather(*(api.text(f"{url}/metrics") for url in api.address.ops.values()))
    except (aiohttp.ClientError, TimeoutError):
        return None
    return _counted(pages) if pages else None


def _counted(pages: list[str]) -> Counts:
    fired, effects, within_s = 0, Counter[str](), Counter[float]()
    samples = (sample for page in pages for family in text_string_to_metric_families(page) for sample in family.samples)
    for sample in samples:
        match sample.name:
            case "finish_evaluator_fired_total":
                fired += int(sample.value)
            case "finish_effects_total":
                effects[sample.labels["outcome"]] += int(sample.value)
            case "finish_event_to_effect_seconds_bucket":
                within_s[float(sample.labels["le"])] += int(sample.value)
            case _:
                pass
    return Counts(fired, dict(effects), dict(within_s))
