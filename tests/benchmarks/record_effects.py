"""Figure: commands of the six record executors, beside hand-written SQL in batches and one transaction per command."""

import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import orjson

from schemas import topics
from schemas.identity import command_id, interaction_uid, lead_id
from services.executors.settings import Executors
from tests.benchmarks.evaluator import WrongError
from tests.benchmarks.figures import Bar, Figure
from tests.benchmarks.floors.record_sql import settle
from tests.benchmarks.log import publish
from tests.benchmarks.measure import Span, drained, usage
from tests.benchmarks.run import Run
from tests.benchmarks.stage import Place, Stage
from tests.benchmarks.system import populate
from tests.benchmarks.workload import SOURCE, USERS, Workload

COMMANDS: Final = 20_000
COMMANDS_ONE_BY_ONE: Final = 3_000
PROSPECTS: Final = 4_000
"""Many enough that no batch holds two commands of one prospect, as the hand-written SQL needs it."""
_BATCH: Final = Executors().batch_max_records
_FINISH, _BATCHES, _SINGLE = "executor", "hand-written batches", "one transaction each"
_COLUMNS: Final = ("effects/s", "CPU us each")
_ALL: Final = "all six"

Carry = Callable[[Place, str, Sequence[dict[str, Any]]], Awaitable[Span]]


async def measure(stage: Stage, run: Run) -> list[Figure]:
    """Carry out the same commands in three ways, executor by executor."""
    figure = Figure(
        "record-effects",
        "Record effects",
        _COLUMNS,
        bars=(
            Bar("of hand-written batches", f"{_ALL}, {_FINISH}", f"{_ALL}, {_BATCHES}", _COLUMNS[0], 0.5),
            Bar("times one transaction per command", f"{_ALL}, {_FINISH}", f"{_ALL}, {_SINGLE}", _COLUMNS[0], 10),
        ),
        notes=(f"batches of {_BATCH}; the same trigger, ledger and marks; the SQL is given its commands decoded",),
    )
    ways = ((_FINISH, _executor, run.count(COMMANDS)), (_BATCHES, _batches, run.count(COMMANDS)))
    for repeat in range(run.repeats):
        for name, carry, count in (*ways, (_SINGLE, _one_by_one, run.count(COMMANDS_ONE_BY_ONE, 500))):
            spans = {executor: await _measured(stage, executor, carry, count) for executor in topics.RECORD_EXECUTORS}
            _add(figure, name, spans)
        run.say(f"repeat {repeat + 1}: {figure.runs[f'{_ALL}, {_FINISH}'][-1]}")
    return [figure]


def _add(figure: Figure, name: str, spans: dict[str, Span]) -> None:
    total = Span(
        sum(span.done for span in spans.values()),
        sum(span.seconds for span in spans.values()),
        sum(span.cpu_s for span in spans.values()),
        0,
    )
    for executor, span in {**spans, _ALL: total}.items():
        figure.add(f"{executor}, {name}", effects_s=span.rate, cpu_us_each=span.cpu_us)


async def _measured(stage: Stage, executor: str, carry: Carry, count: int) -> Span:
    workload = Workload(0, prospects=PROSPECTS)
    commands = commands_of(executor, workload.prospect_ids, count)
    async with stage.place() as place:
        async with place.connected() as database:
            await populate(database, workload)
        span = await carry(place, executor, commands)
        await _check(place, commands)
    return span


def commands_of(executor: str, prospect_ids: Sequence[str], count: int) -> list[dict[str, Any]]:
    """Write commands each of which changes its record, in turn to each prospect."""
    now = datetime.now(UTC).isoformat()
    documents = []
    for number in range(count):
        nth, place = divmod(number, len(prospect_ids))
        uid = interaction_uid(SOURCE, f"{executor}-{number}")
        kind, params = _effect(executor, prospect_ids[place], nth)
        documents.append(
            {
                "schema": 1,
                "id": command_id(uid, "action-0"),
                "uid": uid,
                "action_id": "action-0",
                "action_name": "Action 0",
                "asset_id": "asset-0",
                "version": 1,
                "prospect_id": prospect_ids[place],
                "type": kind,
                "params": params,
                "order": number + 1,
                "depth": 0,
                "recordedtime": now,
            }
        )
    return documents


def _effect(executor: str, prospect_id: str, nth: int) -> tuple[str, dict[str, Any]]:
    match executor:
        case "tags":
            return "add_tags", {"tags": [f"tag {nth}"]}
        case "score":
            return "adjust_score", {"op": "add", "amount": 1}
        case "fields":
            value = {"field": "title", "type": "text", "op": "set", "value": f"title {nth}", "only_if_empty": False}
            return "change_field_value", value
        case "owner":
            return "assign_owner", {"user": USERS[nth % len(USERS)], "overwrite": "always"}
        case "lists":
            return "add_to_list", {"lists": [f"list-{nth}"]}
        case _:
            lead = {"lead_id": lead_id(prospect_id), "status": f"status {nth}", "owner": None, "source": None}
            return "convert_to_lead", lead | {"on_existing": "update"}


async def _executor(place: Place, executor: str, commands: Sequence[dict[str, Any]]) -> Span:
    records = ((command["prospect_id"].encode(), orjson.dumps(command)) for command in commands)
    await publish(place.kafka, topics.commands(executor), records)
    process = place.service("executors", executor)
    async with place.connected() as database:

        async def settled() -> int:
            return int(await database.fetchval("SELECT count(*) FROM command_ledger"))

        try:
            await process.start(wait_ready=False)
            span = await drained([process.pid], settled, len(commands))
        finally:
            await process.stop()
        return await _timed(database, span, len(commands), _BATCH)


async def _batches(place: Place, executor: str, commands: Sequence[dict[str, Any]]) -> Span:
    return await _by_hand(place, executor, commands, _BATCH)


async def _one_by_one(place: Place, executor: str, commands: Sequence[dict[str, Any]]) -> Span:
    return await _by_hand(place, executor, commands, 1)


async def _by_hand(place: Place, executor: str, commands: Sequence[dict[str, Any]], batch: int) -> Span:
    async with place.connected() as database:
        first = usage([os.getpid()])
        await settle(database, executor, commands, batch)
        cpu_s = usage([os.getpid()]).cpu_s - first.cpu_s
        return await _timed(database, Span(len(commands), 1, cpu_s, 0), len(commands), batch)


async def _timed(database: asyncpg.Connection, span: Span, count: int, batch: int) -> Span:
    """Take the time from the ledger: from the first batch's rows to the last one's, which all batches but one lie in."""
    seconds = await database.fetchval(
        "SELECT extract(epoch FROM max(settled_at) - min(settled_at))::float8 FROM command_ledger"
    )
    done = count - batch
    return Span(done, float(seconds), span.cpu_us * done / 1e6, span.rss_bytes)


async def _check(place: Place, commands: Sequence[dict[str, Any]]) -> None:
    """Raise WrongError unless every command has changed its record once."""
    async with place.connected() as database:
        done = await database.fetchval("SELECT count(*) FROM command_ledger WHERE state = 'done'")
        changes = await database.fetchval("SELECT sum(version - 1) FROM prospects")
    if not done == changes == len(commands):
        raise WrongError(f"{done} commands done, {changes} changes, {len(commands)} were expected")
