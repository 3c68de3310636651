"""Rule 7 for forms, exact across processes: five inside five minutes from one address and user, the fifth and later refused."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from deploy import topics
from deploy.topics import Topics
from services.chassis.settings import Kafka
from tests.integration.ingest.conftest import Door, opened
from tests.integration.ingest.form_door import Shown, make_forms, set_clock, submit
from tests.support.databases import fresh_database

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
ACCEPTED, DISCARDED = 200, 500


class Crowd:
    """Four ingests on one database, each with a clock of its own, behind a proxy that they trust."""

    def __init__(self, doors: Sequence[Door], clocks: Sequence[Path], database: asyncpg.Connection) -> None:
        self.doors, self.clocks, self.database = doors, clocks, database
        self._next = cycle(doors)

    def at(self, second: float, *, of: slice = slice(None)) -> None:
        """Let the clocks stand so long after the start."""
        for clock in self.clocks[of]:
            set_clock(clock, (START + timedelta(seconds=second)).isoformat())

    async def submit(
        self, user: str, ip: str = "203.0.113.7", *, form: str = "contact", door: Door | None = None
    ) -> int:
        """Submit at the next process and return the status."""
        shown = await self.shown(user, ip, form=form, door=door)
        return shown.status

    async def shown(self, user: str, ip: str, *, form: str = "contact", door: Door | None = None) -> Shown:
        return await submit(door or next(self._next), form, {"mail": user, "firm": "A"}, **{"X-Forwarded-For": ip})

    async def discarded(self) -> float:
        """Return how many the four have counted as spam so far."""
        samples = [await door.process.metrics() for door in self.doors]
        return sum(each.get('finish_ingest_refused_total{reason="spam"}', 0) for each in samples)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def processes(
    broker: str, database_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Door]]:
    """Yield four ingests that these tests share, on a database with forms. Their clocks lie beside their logs."""
    kafka, folder = Kafka(bootstrap=broker, topic_prefix=f"forms{uuid4().hex[:8]}."), tmp_path_factory.mktemp("forms")
    await topics.apply(kafka, Topics(keyed_partitions=1, replicas=1))
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(fresh_database(database_server, database_template))
        connection = await asyncpg.connect(url, timeout=10)
        await make_forms(connection)
        await connection.close(timeout=10)
        async with asyncio.TaskGroup() as group:
            opening = [
                group.create_task(
                    stack.enter_async_context(
                        opened(
                            kafka,
                            url,
                            folder,
                            FA_CLOCK__FILE=str(folder / str(number)),
                            FA_INGEST__TRUSTED_PROXIES="127.0.0.0/8",
                        )
                    )
                )
                for number in range(4)
            ]
        yield [each.result() for each in opening]
    await topics.remove(kafka)


@pytest.fixture
async def crowd(processes: list[Door]) -> AsyncIterator[Crowd]:
    """Yield them with nothing submitted yet."""
    database = await asyncpg.connect(processes[0].database_url, timeout=10)
    await database.execute("TRUNCATE prospects, outbox, spam_windows CASCADE")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        doors = [replace(door, session=session) for door in processes]
        yield Crowd(doors, [door.process.log_file.parent / str(number) for number, door in enumerate(doors)], database)
    await database.close(timeout=10)


async def test_four_are_accepted_and_the_fifth_and_sixth_are_discarded_inside_300_seconds_on_any_process(
    crowd: Crowd,
) -> None:
    crowd.at(0)
    assert [await crowd.submit("six@example.com") for _ in range(6)] == [ACCEPTED] * 4 + [DISCARDED] * 2
    for last, status in ((299, DISCARDED), (299.999, DISCARDED), (300, ACCEPTED), (301, ACCEPTED)):
        crowd.at(0)
        assert [await crowd.submit(f"{last}@example.com") for _ in range(4)] == [ACCEPTED] * 4
        crowd.at(last)
        assert await crowd.submit(f"{last}@example.com") == status, last
    for second, status in ((0, ACCEPTED), (200, DISCARDED), (301, DISCARDED), (502, DISCARDED), (802, ACCEPTED)):
        crowd.at(second)
        statuses = [await crowd.submit("refused@example.com") for _ in range(5 if second < 502 else 1)]
        assert statuses[0] == status, second


async def test_who_counts_as_the_same_address_and_user(crowd: Crowd) -> None:
    crowd.at(0)
    groups: dict[str, list[tuple[str, str, str]]] = {
        "one address however it is written": [
            (user, "198.51.100.1", form)
            for user, form in (
                ("ada@example.com", "contact"),
                ("ADA@Example.com", "page"),
                (" ada@example.com ", "contact"),
                ("Ada@example.COM", "contact"),
                ("ada@EXAMPLE.com", "contact"),
            )
        ],
        "one normal form": [
            (user, "198.51.100.1", "contact") for user in ("\u00e9@x.example", "e\u0301@x.example") * 3
        ],
        "blank is one user": [
            (user, "198.51.100.1", form) for user in ("", "  ", "\t") for form in ("contact", "open")
        ],
        "one IPv6 network": [("v6@example.com", f"2001:db8:1:2::{number:x}", "contact") for number in range(1, 6)],
        "one mapped IPv4": [("m@example.com", ip, "contact") for ip in ("::ffff:203.0.113.9", "203.0.113.9") * 3],
        "the rightmost hop that is no proxy of ours": [
            ("x@example.com", f"203.0.113.{number}, 198.51.100.2, 127.0.0.9", "contact") for number in range(6)
        ],
        "a malformed hop is the peer": [
            ("y@example.com", f"203.0.113.{number}, x{number}", "contact") for number in range(6)
        ],
    }
    for what, attempts in groups.items():
        statuses = [await crowd.submit(user, ip, form=form) for user, ip, form in attempts]
        assert [status < 400 for status in statuses] == [True] * 4 + [False] * (len(attempts) - 4), what
    for user, ip in (
        ("ada@example.com", "198.51.100.9"),
        ("eve@example.com", "198.51.100.1"),
        ("v6@example.com", "2001:db8:1:3::1"),
    ):
        assert await crowd.submit(user, ip) == ACCEPTED


async def test_twenty_at_once_on_four_processes_are_exactly_four_and_a_discarded_one_leaves_a_counter_only(
    crowd: Crowd,
) -> None:
    crowd.at(0)
    database, before = crowd.database, await crowd.discarded()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(crowd.shown("ada@example.com", "203.0.113.7")) for _ in range(20)]
    shown = [task.result() for task in tasks]
    assert sorted(each.status for each in shown) == [ACCEPTED] * 4 + [DISCARDED] * 16
    refused = {each.text for each in shown if each.status == DISCARDED}
    assert len(refused) == 1
    assert len(refused.pop()) < 200
    kinds = [row["type"] for row in await database.fetch("SELECT type FROM outbox ORDER BY seq")]
    assert sorted(kinds) == ["interaction"] * 4 + ["snapshot"]
    (window,) = await database.fetch("SELECT * FROM spam_windows")
    assert dict(window) == {
        "address": "203.0.113.7", "user_key": "ada@example.com", "times_ms": [int(START.timestamp() * 1000)] * 4
    }  # fmt: skip
    assert await crowd.discarded() - before == 16


async def test_a_process_whose_clock_is_behind_neither_opens_the_window_anew_nor_turns_it_back(
    crowd: Crowd,
) -> None:
    crowd.at(1000)
    crowd.at(0, of=slice(1))
    late, *others = crowd.doors
    doors = [others[0], late, others[1], others[2], late, others[0]]
    statuses = [await crowd.submit("ada@example.com", door=door) for door in doors]
    assert statuses == [ACCEPTED] * 4 + [DISCARDED] * 2
    assert (
        await crowd.database.fetchval("SELECT times_ms FROM spam_windows")
        == [int(START.timestamp() * 1000) + 1_000_000] * 4
    )
    crowd.at(1299)
    assert await crowd.submit("ada@example.com") == DISCARDED
    crowd.at(1600)
    assert await crowd.submit("ada@example.com", door=late) == ACCEPTED


async def test_what_a_peer_that_is_no_proxy_of_ours_says_of_its_address_is_ignored(
    kafka_settings: Kafka, database_url: str, database: asyncpg.Connection, tmp_path: Path
) -> None:
    await make_forms(database)
    async with opened(kafka_settings, database_url, tmp_path) as door:
        forged = [
            await submit(door, "contact", {"mail": "ada@example.com"}, **{"X-Forwarded-For": f"203.0.113.{number}"})
            for number in range(5)
        ]
    assert [each.status for each in forged] == [ACCEPTED] * 4 + [DISCARDED]
    assert await database.fetchval("SELECT address FROM spam_windows") == "127.0.0.1"
