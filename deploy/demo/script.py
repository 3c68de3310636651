"""What will be played: who clicks, reads, submits and is changed by hand, in which order. The same for the same seed.

Lanes are played side by side; the steps of one lane one after another, so that each prospect's order is known.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from deploy.demo.people import LOOPERS

Json = dict[str, Any]

LANES: Final = 16
_BATCH_MAX: Final = 25
_BATCHED: Final = 0.2
"""This share of the requests are batches, the others single events."""
_REPEATED: Final = 0.03
"""This share of the events is posted again, with the same id."""
_PATCHED: Final = 0.03
"""This share of the prospects is changed by hand."""
_SUBMITTED: Final = 0.1
"""This share of the prospects submits the form itself; other submissions come as a tracker's events."""
_FOLLOWED: Final = 0.2
"""This share of the prospects follows a real link, once."""
FOLLOWED: Final = "spring"
"""Where it leads: an asset whose list is not edited meanwhile, as a redirect does not tell the version."""
BROWSER: Final = "Mozilla/5.0 (demo)"
_IMPATIENT: Final = 0.02
"""This share of the prospects clicks six times in a row."""
_IMPATIENT_CLICKS: Final = 6


@dataclass(frozen=True, slots=True)
class Touch:
    """One interaction. `person` is the prospect's number, `event_number` makes the event's id: a repeat has the same."""

    person: int
    event_number: int
    asset: str
    type: str
    data: Json


@dataclass(frozen=True, slots=True)
class Post:
    """Events of one request."""

    touches: tuple[Touch, ...]


@dataclass(frozen=True, slots=True)
class Patch:
    """A change by hand, made when all before it has taken effect."""

    person: int
    changes: Json


@dataclass(frozen=True, slots=True)
class Submit:
    """A form as the prospect's browser sends it, when all before it has taken effect. The player adds the address."""

    person: int
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Follow:
    """A prospect's own link to `FOLLOWED`, followed."""

    person: int


Step = Post | Patch | Submit | Follow
Lane = list[Step]
Item = Touch | Patch | Submit | Follow


def script(persons: int, interactions: int, random: Random) -> list[Lane]:
    """Write the lanes: about `interactions` touches of `persons` prospects."""
    lanes: list[list[Item]] = [[] for _ in range(LANES)]
    number = 0
    for person, count in enumerate(_counts(persons, interactions, random)):
        touches: list[Item] = []
        for asset, kind, data in _story(person, count, random):
            touches.append(Touch(person, number, asset, kind, data))
            number += 1
            if random.random() < _REPEATED:
                touches.append(touches[-1])
        if touches and random.random() < _PATCHED:
            touches.insert(random.randrange(len(touches) + 1), Patch(person, _change(random)))
        if random.random() < _SUBMITTED:
            touches.insert(random.randrange(len(touches) + 1), Submit(person, _submission(random)))
        if random.random() < _FOLLOWED:
            touches.insert(random.randrange(len(touches) + 1), Follow(person))
        lanes[person % LANES] = _shuffled_together(lanes[person % LANES], touches, random)
    return [list(_steps(lane, random)) for lane in lanes]


def _counts(persons: int, interactions: int, random: Random) -> list[int]:
    """Share the interactions out: many once or twice, few often."""
    weights = [random.choice((0, 1, 1, 2, 2, 3, 4, 6, 9)) for _ in range(persons)]
    counts = [0] * persons
    for person in random.choices(range(persons), weights if any(weights) else None, k=interactions):
        counts[person] += 1
    return counts


def _story(person: int, count: int, random: Random) -> Iterator[tuple[str, str, Json]]:
    """Yield one prospect's touches: asset, type, data."""
    client = _client(person, random)
    if random.random() < _IMPATIENT:
        yield from [("pricing", "redirect_link.clicked", client)] * _IMPATIENT_CLICKS
    if person < LOOPERS:  # once to be tagged, once more to set the loop off
        yield from [("spring", "redirect_link.clicked", client)] * 2
    for _ in range(count):
        asset, kind, write = random.choice(_TOUCHES)
        yield asset, kind, {**client, **write(random)}


def _client(person: int, random: Random) -> Json:
    """Write where the prospect comes from; some feeds do not tell."""
    address = random.choice(
        (
            f"203.0.113.{person % 250 + 1}",
            f"198.51.100.{person % 250 + 1}",
            f"2001:db8:0:{person:x}::{person % 9 + 1}",
            None,
        )
    )
    return {"user_agent": BROWSER, **({"ip": address} if address else {})}


def followed(target_url: str) -> Json:
    """Write what is seen of a link that was followed. The address is left out: nobody follows often enough for spam."""
    return {"user_agent": BROWSER, "url": target_url, "bot": "unknown"}


def _spring_click(random: Random) -> Json:
    medium = random.choice(("newsletter", "newsletter", "search", "social"))
    verdict = random.choice(("human", "human", "human", "scanner", "unknown"))
    return {"url": f"https://www.example.com/spring?utm_source={medium}", "bot": verdict}


def _quote_form(random: Random) -> Json:
    values = {
        "company": random.choice(("Alder Construction", "Velo Works", "")),
        "budget": random.choice(("4500", "50000", "120000.50", "a lot")),
        "team": random.choice(("enterprise", "Small business")),
        "news": random.choice(("yes", "no")),
    }
    return {"form": values}


def _submission(random: Random) -> tuple[tuple[str, str], ...]:
    """Write what a browser sends of the same form: a ticked box of several is a field of its own each."""
    ticked = random.sample(("products", "prices", "training"), random.randrange(3))
    return (
        ("company", random.choice(("Alder Construction", "Velo Works", ""))),
        ("branch", random.choice(("Construction", "Retail", ""))),
        ("budget", random.choice(("4500", "50000", "120000.50", ""))),
        ("team", random.choice(("enterprise", "Small business"))),
        ("news", random.choice(("yes", "no"))),
        *(("interest", interest) for interest in ticked),
    )


def _message(random: Random) -> Json:
    return {"message_id": random.choice(("march-1", "march-2", "february-9"))}


def _nothing(_random: Random) -> Json:
    return {}


_TOUCHES: Final[tuple[tuple[str, str, Callable[[Random], Json]], ...]] = (
    *[("pricing", "redirect_link.clicked", _nothing)] * 5,
    *[("spring", "redirect_link.clicked", _spring_click)] * 5,
    *[("brochure", "hosted_file.downloaded", _nothing)] * 4,
    *[("quote", "form.submitted", _quote_form)] * 3,
    *[("mail", "list_email.opened", _message)] * 5,
    *[("mail", "list_email.clicked", _message)] * 3,
    ("mail", "list_email.unsubscribed", _message),
    ("mail", "list_email.bounced", _message),
    ("mail", "list_email.complained", _message),
)


def _change(random: Random) -> Json:
    """Write what a colleague types into the record."""
    return random.choice(
        (
            {"fields": {"industry": random.choice(("Energy", "Software", "Construction"))}},
            {"fields": {"stage": "evaluating", "title": None}},
            {"score": random.choice((30, 99, 105))},
            {"owner": "demo-ben"},
            {"fields": {"industry": "Retail"}, "score": 42},
        )
    )


def _shuffled_together(one: list[Item], other: list[Item], random: Random) -> list[Item]:
    """Mix two sequences, each in its own order."""
    marks = [True] * len(one) + [False] * len(other)
    random.shuffle(marks)
    first, second = iter(one), iter(other)
    return [next(first) if mark else next(second) for mark in marks]


def _steps(lane: list[Item], random: Random) -> Iterator[Step]:
    batch: list[Touch] = []
    size = 1
    for item in lane:
        if isinstance(item, Touch):
            batch.append(item)
        if batch and (len(batch) == size or not isinstance(item, Touch)):
            yield Post(tuple(batch))
            batch, size = [], random.randint(2, _BATCH_MAX) if random.random() < _BATCHED else 1
        if not isinstance(item, Touch):
            yield item
    if batch:
        yield Post(tuple(batch))
