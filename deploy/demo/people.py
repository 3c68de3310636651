"""Plausible prospects: names, companies, places, scores and tags, the same for the same seed."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any, Final

_FIRST_NAMES: Final = (
    "Ada Alan Amara Anna Aylin Björn Carlos Chen Chidi Clara Daniel Divya Elena Emil Fatima Felix Giulia Hana Henrik Ines "
    "Ivan Jamal Jana Jonas Kaito Lea Leo Liam Lucía Maja Marta Mateo Mei Nadia Noor Olga Omar Paula Priya Rosa Sofia Tomás "
    "Viktor Yara Zoë"
)
_LAST_NAMES: Final = (
    "Adeyemi Andersson Bauer Becker Bianchi Brown Costa Dubois Eriksen Fischer García Haddad Hansen Hoffmann Ivanova "
    "Jansen Kaya Keller Kim Kowalski Larsen Lopez Martin Meyer Moreau Nakamura Nguyen Novák Okafor Patel Petrov Rossi "
    "Sato Schmidt Silva Singh Smith Sousa Tanaka Wagner Weber Yilmaz"
)
COMPANIES: Final = (
    "Northwind Tools",
    "North Bay Logistics",
    "Halden & Sons",
    "Brightwater Media",
    "Cobalt Robotics",
    "Alder Construction",
    "Stonebridge Builders",
    "Lumen Clinic",
    "Harbour Foods",
    "Quarry Analytics",
    "Meridian Freight",
    "Tallgrass Energy",
    "Velo Works",
    "Oakfield Schools",
    "Kestrel Insurance",
)
PLACES: Final = (
    ("Germany", "Bonn"),
    ("Germany", "Leipzig"),
    ("France", "Lyon"),
    ("Spain", "Valencia"),
    ("Italy", "Turin"),
    ("Poland", "Gdańsk"),
    ("Sweden", "Malmö"),
    ("United Kingdom", "Leeds"),
    ("United States", "Denver"),
    ("Japan", "Osaka"),
    ("India", "Pune"),
    ("Nigeria", "Lagos"),
)
INDUSTRIES: Final = (
    "Construction",
    "manufacturing",
    "Retail",
    "Software",
    "Healthcare",
    "Education",
    "Energy",
    "Logistics",
)
TITLES: Final = ("Head of Purchasing", "Site Manager", "CTO", "Marketing Lead", "Office Manager", "Owner", "Engineer")
TAGS: Final = ("newsletter", "Trade Fair", "cold", "customer", "partner", "webinar", "Referral")
INTERESTS: Final = ("products", "prices", "training", "careers")
STAGES: Final = ("new", "engaged", "evaluating", "customer")
RENEWAL_DAYS: Final = (-500, -200, -60, -15, 15, 60, 200)
"""Far from the bounds that criteria ask for, so that midnight changes nothing."""
OWNED: Final = 0.3
LISTED: Final = 0.4
FILLED: Final = 0.75
"""How many have an owner, a list, each of the fields."""
LOOPERS: Final = 6
"""The first few carry a tag that sets off a loop of two sequences."""


def people(
    count: int, run: str, random: Random, users: tuple[str, ...], lists: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """Yield what to post for each prospect. All carry the run's tag, by which the record triggers know them."""
    today = date.today()  # noqa: DTZ011 - a day for a made-up date field
    for number in range(count):
        first, last = random.choice(_FIRST_NAMES.split()), random.choice(_LAST_NAMES.split())
        tags = [run, *random.sample(TAGS, random.choice((0, 0, 1, 1, 2, 3)))]
        yield {
            "email": f"{_mailbox(first)}.{_mailbox(last)}.{number}@{run}.example",
            "score": random.choice((0, 0, 0, 5, 10, 20, 35, 50, 55, 80, 95)),
            "tags": [*tags, "looper"] if number < LOOPERS else tags,
            **({"owner": random.choice(users)} if random.random() < OWNED else {}),
            **({"lists": _memberships(random, lists)} if random.random() < LISTED else {}),
            "fields": {"first_name": first, "last_name": last, **_fields(random, today)},
        }


def _fields(random: Random, today: date) -> dict[str, Any]:
    country, city = random.choice(PLACES)
    values = {
        "company": random.choice(COMPANIES),
        "title": random.choice(TITLES),
        "industry": random.choice(INDUSTRIES),
        "country": country,
        "city": city,
        "phone": f"+49 30 {random.randrange(10**6, 10**7)}",
        "budget": random.choice((900, 4_500, 12_000.5, 49_999.99, 50_000, 120_000, 250_000)),
        "stage": random.choice(STAGES),
        "interests": random.sample(INTERESTS, random.randrange(1, 3)),
        "renewal": (today + timedelta(days=random.choice(RENEWAL_DAYS))).isoformat(),
        "visits": random.randrange(0, 20),
    }
    return {name: value for name, value in values.items() if random.random() < FILLED}


def _memberships(random: Random, lists: tuple[str, ...]) -> list[dict[str, str]]:
    status = random.choice(("subscribed", "subscribed", "unsubscribed", "pending"))
    return [{"id": random.choice(lists), "status": status}]


def _mailbox(name: str) -> str:
    return name.lower().encode("ascii", "ignore").decode()
