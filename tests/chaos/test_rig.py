"""The rig, in short: every kind of process killed once under load, a seed of other faults, and damage that the checker must tell.

`make chaos RUNS=n` plays n seeds; docs/proof/chaos.md has what it found.
"""

from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import asyncpg

from tests.chaos.model.checker import assert_exact
from tests.chaos.rig import faults
from tests.chaos.rig.run import Played, judged, play
from tests.chaos.rig.stage import SMALL, Stage, staged
from tests.chaos.rig.world import make_world

DAMAGE: Final = (
    "UPDATE prospects SET score = score + 1 WHERE id = (SELECT min(id::text)::uuid FROM prospects WHERE {mine})",
    "UPDATE prospects SET tags = tags || '{{twice}}' WHERE id = (SELECT max(id::text)::uuid FROM prospects WHERE {mine})",
    """DELETE FROM command_ledger WHERE command_id =
       (SELECT min(command_id::text)::uuid FROM command_ledger WHERE state = 'done' AND executor = 'tags' AND {mine})""",
    """INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, recordedtime)
       SELECT gen_random_uuid(), uid, prospect_id, action_id, executor, type, state, recordedtime
       FROM command_ledger WHERE {mine} LIMIT 1""",
    "DELETE FROM decisions WHERE uid = (SELECT min(uid::text)::uuid FROM decisions WHERE {mine})",
    "DELETE FROM dead_letters WHERE id = (SELECT min(id::text)::uuid FROM dead_letters WHERE {mine})",
    "DELETE FROM tasks WHERE id = (SELECT min(id::text)::uuid FROM tasks WHERE {mine})",
    "DELETE FROM notices WHERE id = (SELECT min(id::text)::uuid FROM notices WHERE {mine})",
    """UPDATE command_ledger SET state = 'no_change' WHERE command_id =
       (SELECT min(command_id::text)::uuid FROM command_ledger WHERE state = 'done' AND executor = 'webhook' AND {mine})""",
    "UPDATE prospects SET score = score + 1 WHERE id = (SELECT min(id::text)::uuid FROM prospects WHERE NOT {mine})",
)
"""Rows changed by hand, most of them of the last run's prospects: each must make for one violation more."""


async def test_faults_under_load_leave_every_effect_once_and_damage_is_told(tmp_path: Path) -> None:
    async with staged(tmp_path, Random(1)) as stage:
        scene = await make_world(stage)
        each = [partial(faults.kill, name=name) for name in SMALL.services]
        kills = await play(stage, scene, 1, [*each, faults.broker_killed, faults.database_killed])
        assert_exact(kills.run.violations)
        assert kills.run.kills == len(each) + 2
        assert kills.run.answers["unknown"] > 0, "no request met a fault"
        others = await play(
            stage, scene, 2, [faults.link_silent, faults.link_cut, faults.copied, faults.destinations_dead]
        )
        assert_exact(others.run.violations)
        await assert_damage_is_told(stage, others)


async def assert_damage_is_told(stage: Stage, played: Played) -> None:
    connection = await asyncpg.connect(stage.database_url, timeout=30)
    try:
        await connection.execute("SET finish.writer = 'backfill'")  # or the damage would set off sequences
        found, mine = 0, sorted(played.claim.logs.keys() - set(played.claim.erased))
        for damage in DAMAGE:
            owner = "id" if "FROM prospects" in damage else "prospect_id"
            done = await connection.execute(damage.format(mine=f"{owner}::text = ANY($1)"), mine)
            assert done.endswith(" 1"), f"{done}: {damage}"
            violations = await judged(stage, played)
            assert len(violations) > found, f"not told: {damage}"
            found = len(violations)
    finally:
        await connection.close(timeout=30)
