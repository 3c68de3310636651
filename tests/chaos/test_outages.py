"""Mixed traffic while the broker or the database is stopped: each door does what it promises, and what was accepted is decided
once."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlencode

import asyncpg
import pytest

from deploy import topics as deployed_topics
from deploy.migrate import migrate
from deploy.topics import Topics
from services.chassis.settings import Kafka
from tests.support.deployment import Deployment, deployed
from tests.support.servers import RunningKafka, RunningPostgres

PEOPLE: Final = 20
EVERY_S: Final = 0.1
Away = Literal["broker", "database"]
REFUSED: Final = {
    "broker": {"click": 302, "form": 200, "leave": 200, "post": 503},
    "database": {"click": 302, "form": 503, "leave": 503, "post": 202},
}
"""What each door answers while that is away."""
SERVED: Final = {"click": 302, "form": 200, "leave": 200, "post": 202}


def as_promised(seen: Mapping[str, set[int]], wanted: Mapping[str, int]) -> bool:
    """Tell whether each door gave the answer that is wanted, and no other."""
    return seen == {name: {status} for name, status in wanted.items()}


class Traffic:
    """Clients of four doors. `answers` are those since the last look; `accepted` the interactions that were said to be durable."""

    def __init__(
        self, system: Deployment, links: list[str], leave: list[str], ids: list[str], form: str, asset: str
    ) -> None:
        self.system, self.form, self.asset = system, form, asset
        self.links, self.ids = itertools.cycle(links), itertools.cycle(ids)
        self.leave = itertools.cycle(leave)
        self.numbers = itertools.count()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.accepted: set[str] = set()

    async def click(self) -> tuple[int, str | None]:
        async with self.system.workspace.session.get(next(self.links), allow_redirects=False) as answer:
            return answer.status, answer.headers.get("finish-interaction")

    async def submit(self) -> tuple[int, str | None]:
        body = urlencode({"mail": f"f{next(self.numbers)}@example.com"})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"{self.system.workspace.ingest}/s/{self.form}"
        async with self.system.workspace.session.post(url, data=body, headers=headers) as answer:
            return answer.status, answer.headers.get("finish-interaction")

    async def unsubscribe(self) -> tuple[int, str | None]:
        async with self.system.workspace.session.post(next(self.leave)) as answer:
            return answer.status, answer.headers.get("finish-interaction")

    async def post(self) -> tuple[int, str | None]:
        work = self.system.workspace
        headers = {**work.headers, "Content-Type": "application/cloudevents+json"}
        event = work.event(self.asset, next(self.ids))
        async with work.session.post(f"{work.ingest}/v1/events", json=event, headers=headers) as answer:
            body = await answer.json(content_type=None)
            return answer.status, body["accepted"][0]["uid"] if answer.status == 202 else None

    async def go_on(self, name: str, ask: Callable[[], Awaitable[tuple[int, str | None]]]) -> None:
        """Ask again and again, one after another."""
        while True:
            status, uid = await ask()
            self.answers[name, status] += 1
            if uid is not None:
                self.accepted.add(uid)
            await asyncio.sleep(EVERY_S)

    def seen(self) -> dict[str, set[int]]:
        """Return each door's answers since the last look."""
        told: dict[str, set[int]] = {}
        for name, status in self.answers:
            told.setdefault(name, set()).add(status)
        self.answers.clear()
        return told


@pytest.fixture
async def stage(own_kafka: RunningKafka, own_postgres: RunningPostgres, tmp_path: Path) -> AsyncIterator[Traffic]:
    """Yield traffic on a whole system whose servers are the test's own."""
    connection = await asyncpg.connect(own_postgres.url_of("postgres"), timeout=10)
    await connection.execute("CREATE DATABASE own")
    await connection.close(timeout=10)
    env = {"FA_KAFKA__BOOTSTRAP": own_kafka.bootstrap, "FA_POSTGRES__URL": own_postgres.url_of("own")}
    await migrate(env["FA_POSTGRES__URL"])
    await deployed_topics.apply(Kafka(bootstrap=own_kafka.bootstrap), Topics(keyed_partitions=4, replicas=1))
    async with deployed({**env, "FA_INGEST__WRITING_BEHIND__WAIT_S": "0.05"}, tmp_path) as system:
        yield await _traffic(system)


async def _traffic(system: Deployment) -> Traffic:
    work = system.workspace
    link = await work.asset([{"id": "up", "type": "adjust_score", "params": {"op": "add", "amount": 1}}])
    left = {"id": "left", "trigger": "unsubscribed", "type": "add_tags", "params": {"tags": ["left"]}}
    mail = await work.asset([left], "list_email")
    form = str((await work.api("POST", "/assets", {"kind": "form", "name": "F", "mapping": {"mail": "email"}}))["id"])
    await work.known(link, 1)
    ids = [await work.prospect(email=f"p{number}@example.com") for number in range(PEOPLE)]
    links = [await work.link(link, prospect) for prospect in ids]
    leaving = [
        (await work.api("POST", "/links", {"asset_id": mail, "prospect_id": each, "trigger": "unsubscribed"}))["url"]
        for each in ids
    ]
    return Traffic(system, links, leaving, ids, form, link)


async def _decisions(system: Deployment, uids: set[str]) -> Mapping[str, int]:
    async with system.database() as database:
        rows = await database.fetch("SELECT uid::text AS uid, count(*) AS n FROM decisions GROUP BY uid")
    return {row["uid"]: row["n"] for row in rows if row["uid"] in uids}


@pytest.mark.parametrize("away_s", [4.0, pytest.param(60.0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("away", REFUSED)
async def test_with_one_of_the_two_stopped_each_door_does_what_it_promises_and_nothing_is_lost(
    stage: Traffic, own_kafka: RunningKafka, own_postgres: RunningPostgres, away: Away, away_s: float
) -> None:
    doors: dict[str, Callable[[], Awaitable[tuple[int, Any]]]] = {
        "click": stage.click, "form": stage.submit, "leave": stage.unsubscribe, "post": stage.post,
    }  # fmt: skip
    asking = [asyncio.create_task(stage.go_on(name, ask)) for name, ask in doors.items()]
    try:
        await asyncio.sleep(2.0)
        assert as_promised(stage.seen(), SERVED)
        await (own_kafka.child.kill() if away == "broker" else own_postgres.child.kill())
        during: dict[str, set[int]] = {}

        async def all_noticed() -> bool:
            await asyncio.sleep(1.0)
            seen = stage.seen()
            for name, statuses in seen.items():
                during.setdefault(name, set()).update(statuses)
            return as_promised(seen, REFUSED[away])

        await stage.system.until(all_noticed, 20.0)
        await asyncio.sleep(away_s)
        steady = stage.seen()
        if away == "broker":
            await own_kafka.child.start()
            await own_kafka.child.wait_ready()
        else:
            await own_postgres.restart()

        async def served_again() -> bool:
            stage.answers.clear()
            await asyncio.sleep(1.0)
            return as_promised(stage.seen(), SERVED)

        await stage.system.until(served_again, 90.0)
    finally:
        for task in asking:
            task.cancel()
        ended = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(each) for each in ended} == {asyncio.CancelledError}, ended
    assert as_promised(steady, REFUSED[away]), steady
    assert all(statuses <= {SERVED[name], 503} for name, statuses in during.items())
    assert during["click"] == {302}

    async def all_decided() -> bool:
        missing = stage.accepted - set(await _decisions(stage.system, stage.accepted))
        assert not missing, f"{len(missing)} of {len(stage.accepted)} are not decided: {sorted(missing)[:3]}"
        return True

    await stage.system.until(all_decided, 90.0)
    assert set((await _decisions(stage.system, stage.accepted)).values()) == {1}
