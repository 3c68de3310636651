"""What happens to posted events, from judging to durable, in one place.

An event that names its prospect by address goes to the outbox while the prospect's first snapshot or interactions wait
there, behind them; one that says less consent goes there behind the change of the record, in the same transaction; all others
go straight to the log. A batch is judged as a whole before anything of it is kept.
"""

from collections import Counter
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.records import ANONYMOUS
from services.chassis.api_keys import ApiKey
from services.chassis.clock import Clock
from services.chassis.errors import RetryableError
from services.chassis.failpoints import failpoint
from services.chassis.json_body import invalid
from services.ingest import consents, metrics
from services.ingest.asset_cache import AssetCache
from services.ingest.identity import Address, Identifier, Named
from services.ingest.judging import broken_rules, require_sources
from services.ingest.posted import Posted
from services.ingest.prospects import Enrolment, Found, Prospects
from services.ingest.publisher import Publisher
from services.ingest.settings import Ingest
from services.ingest.stamping import Stamp, Stamped


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The steps, over what they need. Raises Problem, or RetryableError when it is unknown what is durable."""

    assets: AssetCache
    prospects: Prospects
    publisher: Publisher
    clock: Clock
    ingest: Ingest

    async def accept(self, items: Sequence[Posted], key: ApiKey) -> tuple[list[Stamped], Awaitable[None]]:
        """Return the interactions of the items, in their order, and what ends when every one is durable.

        Whoever waits for that need not hold what leads there: hundreds may wait at a time.
        """
        require_sources(items, key)
        await self._judge(items)
        named = [item.key for item in items if isinstance(item.key, Address | Identifier)]
        if named or any(consents.said(item.event.type, item.data) for item in items):
            accepted, straight = await self._written(items, named, key)
        else:
            accepted = straight = self._stamped(items, {}, self.clock.now())
        return accepted, _counted([item.event.type for item in items], self.publisher.send(straight))

    async def _judge(self, items: Sequence[Posted]) -> None:
        self.assets.require_ready()
        errors = broken_rules(items, self.assets, self.clock.now(), self.ingest)
        if errors and any(self.assets.asset(item.event.subject) is None for item in items):
            await self.assets.catch_up(self.ingest.catch_up_timeout_s)
            errors = broken_rules(items, self.assets, self.clock.now(), self.ingest)
        if errors:
            raise invalid(errors)

    async def acceptable(self, items: Sequence[Posted], key: ApiKey) -> tuple[list[Posted], Counter[str]]:
        """Return those that `accept` would not refuse, and how many others there are, by why."""
        self.assets.require_ready()
        if any(self.assets.asset(item.event.subject) is None for item in items):
            await self.assets.catch_up(self.ingest.catch_up_timeout_s)
        now, why, kept = self.clock.now(), Counter[str](), []
        for item in items:
            if self.assets.asset(item.event.subject) is None:
                why["asset"] += 1
            elif broken_rules([item], self.assets, now, self.ingest):
                why["form"] += 1
            else:
                kept.append(item)
        if key.may_create or not kept:
            return kept, why
        named = [item.key for item in kept if isinstance(item.key, Address | Identifier)]
        strangers = _strangers(kept, await self._found(named))
        why["person"] += len(strangers)
        return [item for item in kept if item not in strangers], why

    async def _found(self, named: Sequence[Named]) -> dict[str, Found]:
        """Look up who is named. Who is nobody without the database, too, is nobody while it is away."""
        try:
            return await self.prospects.find(named)
        except RetryableError:
            if any(_may_be_made(each) for each in named):
                raise
            return {}

    async def _written(
        self, items: Sequence[Posted], named: Sequence[Named], key: ApiKey
    ) -> tuple[list[Stamped], list[Stamped]]:
        """Return all interactions, and those that go straight to the log: the others are committed to the outbox."""
        found = await self._found(named) if named else {}
        if not key.may_create:
            _require_known(_strangers(items, found))
        now = self.clock.now()
        names = {name: prospect.id for name, prospect in found.items()}
        behind = {prospect.id for prospect in found.values() if prospect.waiting}
        told = any(consents.said(item.event.type, item.data) for item in items)
        if behind or told or any(_may_be_made(each) and each.key not in found for each in named):
            accepted = await self._enrol(items, names, behind, now)
        else:
            accepted = self._stamped(items, names, now)
        return accepted, [each for each in accepted if each.key not in behind]

    async def _enrol(
        self, items: Sequence[Posted], names: dict[str, str], behind: set[str], now: datetime
    ) -> list[Stamped]:
        """Create who is missing, change who consents to less, and commit with them the events of all who are behind: `names`
        and `behind` grow.

        Addresses are taken in one order by everybody, and then ids, so that two batches cannot wait for each other.
        """
        missing = {
            item.key.key: (item.key, item.event.source)
            for item in reversed(items)
            if isinstance(item.key, Address | Identifier) and _may_be_made(item.key) and item.key.key not in names
        }
        async with self.prospects.enrolment(now) as enrolment:
            for key, (named, source) in sorted(missing.items(), key=lambda each: each[0]):
                names[key] = await enrolment.prospect(named, source)
                behind.add(names[key])
            accepted = self._stamped(items, names, now)
            consented = _consenting(items, accepted)
            behind |= {each.key for each in consented.values()}
            await _put_behind(enrolment, items, accepted, behind, consented)
        if consented:
            await self.prospects.published({each.key for each in consented.values()}, self.ingest.published_timeout_s)
        return accepted

    def _stamped(self, items: Sequence[Posted], names: Mapping[str, str], now: datetime) -> list[Stamped]:
        stamp = Stamp(self.assets, now)
        return [stamp.posted(item, _key(item, names)) for item in items]


def _consenting(items: Sequence[Posted], accepted: Sequence[Stamped]) -> dict[int, Stamped]:
    """Return the interactions of prospects that say less consent, by their places."""
    both = enumerate(zip(items, accepted, strict=True))
    return {
        place: each
        for place, (item, each) in both
        if consents.said(item.event.type, item.data) and not each.key.startswith(ANONYMOUS)
    }


async def _put_behind(
    enrolment: Enrolment,
    items: Sequence[Posted],
    accepted: Sequence[Stamped],
    behind: Collection[str],
    consented: Mapping[int, Stamped],
) -> None:
    """Put into the outbox what goes there, in order, and each change of consent right before the interaction that says it."""
    if consented:
        await enrolment.lock({UUID(each.key) for each in consented.values()})
    waiting: list[Stamped] = []
    for place, (item, each) in enumerate(zip(items, accepted, strict=True)):
        if place in consented:
            await enrolment.enqueue(waiting)
            waiting = []
            await enrolment.consent(UUID(each.key), item.event.source, item.event.type, item.data)
            failpoint("ingest.after-consent")
        if each.key in behind:
            waiting.append(each)
    await enrolment.enqueue(waiting)


async def _counted(kinds: Sequence[str], sent: Awaitable[None]) -> None:
    await sent
    for kind in set(kinds):
        metrics.accepted(kind).inc(kinds.count(kind))


def _may_be_made(named: Named) -> bool:
    """Tell whether somebody named so, whom nobody knows, becomes a prospect: a browser's mark makes none."""
    return isinstance(named, Address) or named.kind == "external"


def _strangers(items: Sequence[Posted], found: Mapping[str, Found]) -> list[Posted]:
    """Return the items of those who would have to be made."""
    return [
        item
        for item in items
        if isinstance(item.key, Address | Identifier) and _may_be_made(item.key) and item.key.key not in found
    ]


def _require_known(strangers: Sequence[Posted]) -> None:
    if strangers:
        raise invalid(
            [
                item.error("/data/email", "is not the address of a prospect, and this key may not create one")
                if isinstance(item.key, Address)
                else item.error("/externalid", "is not the id of a prospect, and this key may not create one")
                for item in strangers
            ]
        )


def _key(item: Posted, names: Mapping[str, str]) -> str:
    match item.key:
        case str() as key:
            return key
        case Identifier(kind="anonymous") as mark:
            return names.get(mark.key, ANONYMOUS + mark.text)
        case Address() | Identifier() as named:
            return names[named.key]
        case None:
            raise ValueError("an event that names nobody was not refused")
