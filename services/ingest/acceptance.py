"""What happens to posted events, from judging to durable, in one place.

An event that names its prospect by address goes to the outbox while the prospect's first snapshot or interactions wait
there, behind them; all others go straight to the log. A batch is judged as a whole before anything of it is kept.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.chassis.api_keys import ApiKey
from services.chassis.clock import Clock
from services.chassis.json_body import invalid
from services.ingest import metrics
from services.ingest.asset_cache import AssetCache
from services.ingest.identity import Address, record_key
from services.ingest.judging import broken_rules, require_sources
from services.ingest.posted import Posted
from services.ingest.prospects import Found, Prospects
from services.ingest.publisher import Publisher
from services.ingest.settings import Ingest
from services.ingest.stamping import Stamped, stamped


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The steps, over what they need. Raises Problem, or RetryableError when it is unknown what is durable."""

    assets: AssetCache
    prospects: Prospects
    publisher: Publisher
    clock: Clock
    ingest: Ingest

    async def accept(self, items: Sequence[Posted], key: ApiKey) -> list[Stamped]:
        """Return the interactions of the items, in their order, once every one is durable."""
        require_sources(items, key)
        await self._judge(items)
        found = await self.prospects.find(_addresses(items))
        _require_known(items, found, key)
        now = self.clock.now()
        names = {address: prospect.id for address, prospect in found.items()}
        behind = {prospect.id for prospect in found.values() if prospect.waiting}
        if behind or any(address.key not in found for address in _addresses(items)):
            accepted = await self._enrol(items, names, behind, now)
        else:
            accepted = [stamped(item, _key(item, names), self.assets, now) for item in items]
        await self.publisher.publish([each for each in accepted if each.key not in behind])
        for kind, count in Counter(each.document["type"] for each in accepted).items():
            metrics.ACCEPTED.labels(kind).inc(count)
        return accepted

    async def _judge(self, items: Sequence[Posted]) -> None:
        self.assets.require_ready()
        if any(self.assets.asset(item.event.subject) is None for item in items):
            await self.assets.catch_up(self.ingest.catch_up_timeout_s)
        errors = broken_rules(items, self.assets, self.clock.now(), self.ingest)
        if errors:
            raise invalid(errors)

    async def _enrol(
        self, items: Sequence[Posted], names: dict[str, str], behind: set[str], now: datetime
    ) -> list[Stamped]:
        """Create who is missing, and commit with them the events of all who are behind: `names` and `behind` grow.

        Addresses are taken in one order by everybody, so that two batches cannot wait for each other.
        """
        missing = {
            address.key: (address, item.event.source)
            for item in reversed(items)
            if isinstance(address := record_key(item.event), Address) and address.key not in names
        }
        async with self.prospects.enrolment(now) as enrolment:
            for key, (address, source) in sorted(missing.items()):
                names[key] = await enrolment.prospect(address, source)
                behind.add(names[key])
            accepted = [stamped(item, _key(item, names), self.assets, now) for item in items]
            await enrolment.enqueue([each for each in accepted if each.key in behind])
        return accepted


def _addresses(items: Sequence[Posted]) -> list[Address]:
    return [address for item in items if isinstance(address := record_key(item.event), Address)]


def _require_known(items: Sequence[Posted], found: Mapping[str, Found], key: ApiKey) -> None:
    if key.may_create:
        return
    unknown = [
        item.error("/data/email", "is not the address of a prospect, and this key may not create one")
        for item in items
        if isinstance(address := record_key(item.event), Address) and address.key not in found
    ]
    if unknown:
        raise invalid(unknown)


def _key(item: Posted, names: Mapping[str, str]) -> str:
    key = record_key(item.event)
    if isinstance(key, Address):
        return names[key.key]
    if key is None:
        raise ValueError("an event that names nobody was not refused")
    return key
