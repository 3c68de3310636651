"""The same job as a user of Faust writes it from its documentation: a table of prospects, an agent, `topic.send`.

    python -m tests.benchmarks.floors.faust_agent worker

The conditions are the product's own compiled ones, and an effect is one assignment, so that what is compared is the way
through Faust. It keeps no order, no ids of what it has seen and no reasons, and its output is not complete (0.15.3 may
commit past what was not sent); only its rate counts.
"""

import os
from typing import Any

import faust
import orjson

from core.commands import order
from core.definitions import CompiledList, Definitions
from core.fold import fold
from core.records import Interaction, milliseconds
from core.values import from_document, to_document
from schemas import topics
from schemas.identity import command_id
from tests.benchmarks.workload import Workload

PREFIX = os.environ["BENCH_PREFIX"]

app = faust.App(
    f"{PREFIX}faust",
    broker=f"kafka://{os.environ['BENCH_BOOTSTRAP']}",
    store="memory://",
    datadir=os.environ["BENCH_DATADIR"],
    topic_partitions=8,
    topic_replication_factor=1,
    value_serializer="json",
    key_serializer="raw",
    web_enabled=False,
)
interactions = app.topic(PREFIX + topics.INTERACTIONS, key_type=bytes)
commands = {name: app.topic(PREFIX + topics.commands(name)) for name in topics.EXECUTORS}
decisions = app.topic(PREFIX + topics.DECISIONS)
prospects = app.Table("prospects", partitions=8, key_type=str)

definitions = Definitions()
for _, document in Workload(**orjson.loads(os.environ["BENCH_WORKLOAD"])).definitions():
    definitions.apply(orjson.loads(document))


@app.agent(interactions)
async def evaluate(stream: Any) -> None:
    async for event in stream.events():
        document: dict[str, Any] = event.value
        prospect_id = document["prospectid"]
        if document["type"] == "prospect.snapshot":
            prospects[prospect_id] = document["data"]["values"]
            continue
        cause, offset = interaction(document), event.message.offset
        actions = definitions.list(cause.subject, cause.version)
        before = after = from_document(prospects[prospect_id])
        fired = []
        for place, action in enumerate(actions.actions):
            if action.criteria.matches(before, cause):
                fired.append(place)
                command = written(actions, place, cause, order(0, offset, len(fired)))
                await commands[action.executor].send(key=event.message.key, value=command)  # type: ignore[unused-awaitable]  # as its documentation does
                if action.record and action.type not in {"assign_owner", "change_field_value"}:
                    after = fold(after, action.type, action.params)
        prospects[prospect_id] = to_document(after)
        await decisions.send(key=event.message.key, value=decided(cause, fired, order(0, offset, 0)))  # type: ignore[unused-awaitable]  # same


def interaction(document: dict[str, Any]) -> Interaction:
    return Interaction(
        id=document["id"],
        source=document["source"],
        type=document["type"],
        subject=document["subject"],
        time=document["time"],
        uid=document["uid"],
        prospect_id=document["prospectid"],
        version=document["actionlistversion"],
        prospect_version=document["prospectlistversion"],
        recordedtime=document["recordedtime"],
        recorded_ms=milliseconds(document["recordedtime"]),
        data=document["data"],
    )


def written(actions: CompiledList, place: int, cause: Interaction, at: int) -> dict[str, Any]:
    action = actions.actions[place]
    return {
        "schema": 1,
        "id": command_id(cause.uid, action.id),
        "uid": cause.uid,
        "action_id": action.id,
        "action_name": action.name,
        "asset_id": actions.asset_id,
        "version": actions.version,
        "prospect_id": cause.prospect_id,
        "type": action.type,
        "params": action.params,
        "order": at,
        "depth": 0,
        "recordedtime": cause.recordedtime,
    }


def decided(cause: Interaction, fired: list[int], at: int) -> dict[str, Any]:
    return {
        "schema": 1,
        "step_version": 1,
        "uid": cause.uid,
        "prospect_id": cause.prospect_id,
        "type": cause.type,
        "asset_id": cause.subject,
        "version": cause.version,
        "id": cause.id,
        "source": cause.source,
        "time": cause.time,
        "recordedtime": cause.recordedtime,
        "order": at,
        "depth": 0,
        "fired": fired,
    }


if __name__ == "__main__":
    app.main()
