"""Every kind of process killed under load, one after another, and the independent expectation holds exactly.

One run in `make test`, where one executor, another each day, has a process of its own; `make chaos RUNS=n` runs n more,
each with its own seed, three times as many kills and each executor a process.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

import pytest

from deploy import topics
from deploy.topics import Topics
from services.chassis.process import EXIT_FAILED
from services.chassis.settings import Kafka
from tests.support.audit import assert_exact, audit
from tests.support.databases import migrated_template, with_database
from tests.support.deployment import SELF_CONTAINED, Deployment, deployed
from tests.support.drain import drained
from tests.support.keeper import kept
from tests.support.load import Load
from tests.support.servers import RunningKafka, RunningPostgres
from tests.support.stories import Scene, make_scene

EACH_ALONE: Final = {name: (name,) for name in SELF_CONTAINED}
SERVERS: Final = ("broker", "database")
RUNS: Final = int(os.environ.get("RUNS", "1"))
DRAINED_DEADLINE_S: Final = 60.0
KILLED: Final = -9

PLANTED_BUGS: Final = (
    "UPDATE prospects SET score = score + 1 WHERE id = (SELECT min(id::text)::uuid FROM prospects)",
    "UPDATE prospects SET tags = tags || '{twice}' WHERE id = (SELECT max(id::text)::uuid FROM prospects)",
    "DELETE FROM command_ledger WHERE command_id = (SELECT min(command_id::text)::uuid FROM command_ledger)",
    """INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, recordedtime)
       SELECT gen_random_uuid(), uid, prospect_id, action_id, executor, type, state, recordedtime
       FROM command_ledger LIMIT 1""",
    "DELETE FROM decisions WHERE uid = (SELECT min(uid::text)::uuid FROM decisions)",
    "DELETE FROM dead_letters WHERE id = (SELECT min(id::text)::uuid FROM dead_letters)",
)

Fault = Callable[[], Awaitable[None]]


@pytest.fixture
async def env(own_kafka: RunningKafka, own_postgres: RunningPostgres) -> AsyncIterator[dict[str, str]]:
    await topics.apply(Kafka(bootstrap=own_kafka.bootstrap), Topics(keyed_partitions=4, replicas=1))
    server = own_postgres.url_of("postgres")
    async with migrated_template(server) as name:
        yield {
            "FA_KAFKA__BOOTSTRAP": own_kafka.bootstrap,
            "FA_KAFKA__SESSION_TIMEOUT_MS": "6000",
            "FA_POSTGRES__URL": with_database(server, name),
        }


@pytest.fixture
def faults(own_kafka: RunningKafka, own_postgres: RunningPostgres) -> dict[str, Fault]:
    async def broker() -> None:
        await own_kafka.child.kill()
        await own_kafka.child.start()
        await own_kafka.child.wait_ready()

    async def database() -> None:
        await own_postgres.child.kill()
        await own_postgres.restart()

    return {"broker": broker, "database": database}


async def survives(
    env: Mapping[str, str],
    faults: Mapping[str, Fault],
    folder: Path,
    *,
    executors: Mapping[str, Collection[str]],
    seed: int,
    rounds: int,
) -> Mapping[str, list[int | None]]:
    """Load, kill each kind in `rounds` random orders, drain and compare; return how the processes ended."""
    random = Random(seed)
    async with deployed(env, folder, executors=executors) as deployment:
        scene = await make_scene(deployment.workspace)
        load = Load(deployment.workspace, scene, deployment.database_url, seed=seed, lanes=10, per_s=8)
        async with kept(deployment.processes) as keeper:
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run())
                kinds = (*deployment.processes, *SERVERS)
                for _ in range(rounds):
                    for kind in random.sample(kinds, k=len(kinds)):
                        await asyncio.sleep(random.uniform(0.3, 1.5))  # the moment is the point
                        await (faults[kind]() if kind in faults else deployment.kill(kind))
                        await asyncio.sleep(
                            random.uniform(0.3, 1.5)
                        )  # and how much is under way when the next one comes
                        await keeper.ready()
                load.stop()
            await drained(Kafka(bootstrap=env["FA_KAFKA__BOOTSTRAP"]), deployment.database_url, DRAINED_DEADLINE_S)
            assert_exact(await audit(deployment.database_url, load.expected(), scene))
            await assert_planted_bugs_are_found(deployment, load, scene)
    assert load.log.answers["unknown"] > 0, "no request met a fault"
    return keeper.ended


async def assert_planted_bugs_are_found(deployment: Deployment, load: Load, scene: Scene) -> None:
    """Damage the database, one row after another: the audit must tell each."""
    found = 0
    async with deployment.database() as database:
        await database.execute("SET finish.writer = 'backfill'")  # or the damage would set off sequences
        for bug in PLANTED_BUGS:
            await database.execute(bug)
            differences = await audit(deployment.database_url, load.expected(), scene)
            assert len(differences) > found, f"not found: {bug}"
            found = len(differences)


def assert_only_known_ends(ended: Mapping[str, list[int | None]]) -> None:
    assert all(code in (KILLED, EXIT_FAILED) for codes in ended.values() for code in codes), ended
    assert all(KILLED in codes for codes in ended.values()), ended


async def test_each_kind_killed_once_under_load_leaves_every_effect_once(
    env: dict[str, str], faults: dict[str, Fault], tmp_path: Path
) -> None:
    alone = SELF_CONTAINED[datetime.now(UTC).toordinal() % len(SELF_CONTAINED)]
    executors = {alone: (alone,), "others": tuple(name for name in SELF_CONTAINED if name != alone)}
    assert_only_known_ends(await survives(env, faults, tmp_path, executors=executors, seed=1, rounds=1))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 2 + RUNS))
async def test_each_kind_killed_again_and_again_under_load_leaves_every_effect_once(
    env: dict[str, str], faults: dict[str, Fault], tmp_path: Path, seed: int
) -> None:
    assert_only_known_ends(await survives(env, faults, tmp_path, executors=EACH_ALONE, seed=seed, rounds=3))
