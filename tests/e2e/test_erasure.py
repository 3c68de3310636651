"""Erasing on the real services: the promise searched for in every table and state, and kept wherever a process dies."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from aiokafka import TopicPartition

from deploy.errors import DeployError
from schemas import topics
from services.chassis import kafka
from services.chassis.partitioner import partition_for
from services.chassis.settings import Kafka
from tests.support.canaries import tables_with
from tests.support.deployment import Deployment, deployed
from tests.support.drain import drained
from tests.support.service_process import ServiceProcess
from tests.support.workspace import Refusal, Workspace

CANARY: Final = "kanari-4217"
NAMED: Final = {"rules": [{"field": "event.form.name", "operator": "notNull"}]}
ACTIONS: Final[list[dict[str, Any]]] = [
    {"id": "tag", "type": "add_tags", "params": {"tags": ["seen"]}, "criteria": NAMED},
    {
        "id": "name",
        "type": "change_field_value",
        "params": {"field": "company", "op": "copy", "from": "event.form.name"},
    },
    {"id": "plus", "type": "adjust_score", "params": {"op": "add", "amount": 1}},
]
FORM: Final = {"type": "form.submitted", "data": {"form": {"name": CANARY}}}
DRAINED_S: Final = 60.0
QUICK: Final = {
    "FA_KAFKA__SESSION_TIMEOUT_MS": "3000",
    "FA_KAFKA__HEARTBEAT_INTERVAL_MS": "500",
}
"""Let the broker miss a killed member soon."""


async def _canary(work: Workspace) -> str:
    return await work.prospect(email=f"{CANARY}@example.com", tags=[CANARY], fields={"city": CANARY})


async def _form(work: Workspace) -> str:
    form = await work.asset([{**action, "trigger": "submitted"} for action in ACTIONS], "form")
    await work.known(form, 1, "form.submitted")
    return form


async def _status(work: Workspace, path: str) -> int:
    try:
        await work.api("GET", path)
    except Refusal as refusal:
        return refusal.status
    return 200


async def _states(settings: Kafka, partitions: int) -> dict[str, bytes]:
    """Return the newest record of every key of the state topic."""
    topic = settings.topic(topics.EVALUATOR_STATE)
    parts = [TopicPartition(topic, number) for number in range(partitions)]
    newest = {}
    async with kafka.running(kafka.consumer(settings, client_id="test", isolation="read_committed")) as reader:
        reader.assign(parts)
        async for records in kafka.records_to_end(reader, parts):
            newest.update({record.key.decode(): record.value for record in records})
    return newest


async def _expect_forgotten(deployment: Deployment, settings: Kafka, prospects: list[str]) -> None:
    async with deployment.database() as database:
        assert await tables_with(database, CANARY) == {}
    states = await _states(settings, 4)
    assert not [key for key, state in states.items() if CANARY.encode() in state]
    assert all(orjson.loads(states[prospect])["erased"] is True for prospect in prospects)


async def test_an_erased_prospect_is_nowhere_and_what_comes_later_is_suppressed(
    stack_env: Mapping[str, str], kafka_settings: Kafka, tmp_path: Path
) -> None:
    env = {**stack_env, "FA_CONSOLE__HISTORY": "false"}
    history = ServiceProcess("services.console", "history", env=env, folder=tmp_path)
    async with deployed(env, tmp_path) as deployment, history:
        work = deployment.workspace
        form = await _form(work)
        prospect = await _canary(work)
        seen = await work.click(form, prospect, **FORM)
        explained = await work.settled(seen)
        assert explained["decision"]["actions"][0]["conditions"][0]["seen"] == CANARY
        assert (await work.record(prospect))["fields"]["company"] == CANARY

        await deployment.stop("executors")
        pending = await work.click(form, prospect, **FORM)
        await work.reached(pending, "decided")
        await history.stop()
        unread = await work.click(form, prospect, **FORM)
        receipt = await work.api("DELETE", f"/prospects/{prospect}")
        assert CANARY not in str(receipt)
        assert await _status(work, f"/prospects/{prospect}") == 410
        async with deployment.database() as database:
            assert await tables_with(database, CANARY) == {}
        late = await work.click(form, prospect, **FORM)
        async with kafka.running(kafka.producer(kafka_settings, client_id="test")) as producer:
            key, partition = prospect.encode(), partition_for(prospect.encode(), 4)
            for topic in (topics.INTERACTIONS, topics.commands("tags"), topics.DECISIONS):
                await producer.send_and_wait(kafka_settings.topic(topic), CANARY.encode(), key=key, partition=partition)
        await deployment.start("executors")
        await history.start()

        for uid, states in ((seen, {"done"}), (pending, {"suppressed"}), (unread, {"suppressed"})):
            told = await work.settled(uid)
            assert {command["outcome"]["state"] for command in told["commands"]} == states
            assert {action["fired"] for action in told["decision"]["actions"]} == {True}
            assert [action["conditions"] for action in told["decision"]["actions"]] == [[], [], []]
        told = await work.settled(late)
        assert (told["decision"]["reason"], told["commands"]) == ("erased", [])
        assert {action["reason"] for action in told["decision"]["actions"]} == {"erased"}
        await drained(kafka_settings, deployment.database_url, DRAINED_S)
        await _expect_forgotten(deployment, kafka_settings, [prospect])
        letters = (await work.api("GET", "/dead-letters"))["items"]
        assert [(letter["reason"], letter["size_bytes"]) for letter in letters] == [("malformed", 0)] * 3

        event = work.event(form, "", **{**FORM, "data": {"email": f"{CANARY}@example.com"}})
        del event["prospectid"]
        again = (await work.settled((await work.post(event))[0]["uid"]))["prospect_id"]
        assert again != prospect
        assert (await work.record(again))["fields"] == {}
        await _expect_quiet(deployment, history, prospect)


async def _expect_quiet(deployment: Deployment, history: ServiceProcess, prospect: str) -> None:
    """Neither logs nor metrics tell who was erased; the metrics tell that somebody was."""
    for process in (*deployment.processes.values(), history):
        assert CANARY not in process.log
        assert prospect not in " ".join(await process.metrics())
    assert (await deployment.processes["console"].metrics())["finish_console_erasures_total"] == 1


async def test_an_erasure_ends_alike_wherever_a_process_is_killed(
    stack_env: Mapping[str, str], kafka_settings: Kafka, tmp_path: Path
) -> None:
    async with deployed({**stack_env, **QUICK}, tmp_path) as deployment:
        work = deployment.workspace
        form = await _form(work)
        prospects: list[str] = []
        for name, point in (
            ("console", "console.before-erase"),
            ("console", "console.after-erase"),
            ("executors", "executor.tags.before-commit"),
            ("executors", "executor.tags.after-commit"),
            ("evaluator", "evaluator.before-checkpoint"),
        ):
            prospect = await _canary(work)
            await work.settled(await work.click(form, prospect, **FORM))
            await deployment.stop(name)
            with suppress(DeployError):  # it met the point before it was seen to be ready
                await deployment.processes[name].start(fail=f"{point}:1:kill")
            clicks = [] if name == "evaluator" else [await work.click(form, prospect, **FORM)]  # it would die of that
            with suppress(aiohttp.ClientError, Refusal):  # nobody answers
                await work.api("DELETE", f"/prospects/{prospect}")
            assert await asyncio.wait_for(deployment.processes[name].wait(), 30.0) == -9, point
            await deployment.start(name)
            receipt = await work.api("DELETE", f"/prospects/{prospect}")
            assert receipt == await work.api("GET", f"/prospects/{prospect}/erasure")
            for clicked in clicks:
                told = await work.settled(clicked)
                assert {command["outcome"]["state"] for command in told["commands"]} <= {
                    "done",
                    "no_change",
                    "suppressed",
                }
            late = await work.settled(await work.click(form, prospect, **FORM))
            assert (late["decision"]["reason"], late["commands"]) == ("erased", [])
            prospects.append(prospect)
        await drained(kafka_settings, deployment.database_url, DRAINED_S)
        await _expect_forgotten(deployment, kafka_settings, prospects)
        assert (await work.api("GET", "/dead-letters"))["items"] == []
