"""The whole service, with the product's machine, on a real broker."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from schemas import topics
from schemas.dead_letters import REPLAY_HEADER, DeadLetter
from services.chassis import kafka
from services.chassis.partitioner import partition_for
from services.chassis.settings import Kafka
from tests.integration.evaluator.documents import ASSET_ID, action_list, click, prospect_id, snapshot
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess
from tests.support.toy_log import ToyLog

SERVICE = "services.evaluator"
Define = Callable[[bytes | None], Awaitable[None]]


@pytest.fixture
async def define(kafka_settings: Kafka) -> AsyncIterator[Define]:
    producer: AIOKafkaProducer = kafka.producer(kafka_settings, client_id="test")

    async def send(value: bytes | None) -> None:
        topic = kafka_settings.topic(topics.DEFINITIONS)
        await producer.send_and_wait(topic, value, key=f"{ASSET_ID}/{value!r}".encode()[:200], partition=0)

    async with kafka.running(producer):
        yield send


async def values(log: ToyLog, topic: str) -> list[Any]:
    return [orjson.loads(record.value) async for record in log.read(topic)]


async def letters(log: ToyLog) -> dict[int, DeadLetter]:
    read = [DeadLetter.model_validate_json(record.value) async for record in log.read(topics.DEAD_LETTERS)]
    return {letter.offset: letter for letter in read}


def in_partition(partition: int, partitions: int) -> str:
    candidates = (prospect_id(number) for number in range(1000))
    return next(one for one in candidates if partition_for(one.encode(), partitions) == partition)


async def test_an_interaction_becomes_its_command_and_its_decision(
    log: ToyLog, define: Define, env: dict[str, str], tmp_path: Path
) -> None:
    prospect = prospect_id(1)
    await define(action_list(1))
    await log.append([(prospect.encode(), snapshot(prospect)), (prospect.encode(), click(prospect, "e1"))])

    async with ServiceProcess(SERVICE, env=env, folder=tmp_path) as service:
        await eventually(log.all_evaluated, 30, poll_s=0.1)
        metrics = await service.metrics()

    (command,) = await values(log, topics.commands("tags"))
    assert (command["type"], command["params"], command["prospect_id"]) == ("add_tags", {"tags": ["hot"]}, prospect)
    (decision,) = await values(log, topics.DECISIONS)
    assert (decision["fired"], decision["version"]) == ([0], 1)
    assert metrics['finish_evaluator_evaluated_total{outcome="decided"}'] == 1
    assert metrics['finish_evaluator_fired_total{executor="tags"}'] == 1


@pytest.mark.parametrize(("place", "told"), [("before-send", 1), ("after-send", 2), ("before-checkpoint", 2)])
async def test_killed_around_the_end_of_a_replay_it_tells_the_same_again(
    log: ToyLog, define: Define, env: dict[str, str], tmp_path: Path, kafka_settings: Kafka, place: str, told: int
) -> None:
    prospect, replayed = prospect_id(1), uuid4()
    partition = partition_for(prospect.encode(), log.partitions)
    await define(action_list(1))
    await log.append([(prospect.encode(), snapshot(prospect))])
    async with kafka.running(kafka.producer(kafka_settings, client_id="replay")) as relay:
        await relay.send_and_wait(
            kafka_settings.topic(topics.INTERACTIONS),
            click(prospect, "e1"),
            key=prospect.encode(),
            partition=partition,
            headers=[(REPLAY_HEADER, str(replayed).encode())],
        )
    log.appended += 1

    doomed = ServiceProcess(SERVICE, env={**env, "FA_FAIL": f"evaluator.{place}:1:kill"}, folder=tmp_path)
    await doomed.start(wait_ready=False)
    assert await doomed.wait() == -9
    async with ServiceProcess(SERVICE, env=env, folder=tmp_path):
        await eventually(log.all_evaluated, 30, poll_s=0.1)

    ends = await values(log, topics.DEAD_LETTERS)
    assert ends == [{"schema": 1, "record": "settled", "id": str(replayed)}] * told
    commands = [record.value async for record in log.read(topics.commands("tags"))]
    assert len(commands) == told
    assert len(set(commands)) == 1


async def test_outputs_stand_in_the_partition_of_their_interaction(
    log: ToyLog, define: Define, env: dict[str, str], tmp_path: Path, keyed_partitions: int
) -> None:
    await define(action_list(1))
    prospects = [in_partition(partition, keyed_partitions) for partition in range(keyed_partitions)]
    for prospect in prospects:
        key = prospect.encode()
        await log.append([(key, snapshot(prospect)), (key, click(prospect, f"e-{prospect}")), (key, b"{")])

    async with ServiceProcess(SERVICE, env=env, folder=tmp_path):
        await eventually(log.all_evaluated, 30, poll_s=0.1)

    for topic in (topics.commands("tags"), topics.DECISIONS, topics.DEAD_LETTERS):
        places = {record.key.decode(): record.partition async for record in log.read(topic)}
        assert places == {prospect: partition for partition, prospect in enumerate(prospects)}


async def test_a_record_citing_an_unseen_version_waits_for_it_and_other_partitions_go_on(
    log: ToyLog, define: Define, env: dict[str, str], tmp_path: Path, keyed_partitions: int
) -> None:
    waiting, other = in_partition(0, keyed_partitions), in_partition(1, keyed_partitions)
    await define(action_list(1))
    await log.append(
        [
            (waiting.encode(), snapshot(waiting)),
            (waiting.encode(), click(waiting, "cites-2", actionlistversion=2)),
            (waiting.encode(), click(waiting, "behind-it")),
        ]
    )

    async with ServiceProcess(SERVICE, env=env, folder=tmp_path) as service:
        gauge = 'finish_evaluator_waiting_for_definitions{partition="0"}'

        async def paused() -> bool:
            return (await service.metrics()).get(gauge) == 1

        await eventually(paused, 30)
        await log.append([(other.encode(), snapshot(other)), (other.encode(), click(other, "elsewhere"))])

        async def other_decided() -> bool:
            return [d["id"] for d in await values(log, topics.DECISIONS)] == ["elsewhere"]

        await eventually(other_decided, 20)
        assert await service.not_ready() is None

        await define(action_list(2))
        await eventually(log.all_evaluated, 20, poll_s=0.1)
        assert (await service.metrics())[gauge] == 0

    decided = {d["id"]: d["version"] for d in await values(log, topics.DECISIONS)}
    assert decided == {"elsewhere": 1, "cites-2": 2, "behind-it": 1}
    assert await letters(log) == {}


async def test_poison_ends_as_dead_letters_and_stops_nothing(
    log: ToyLog, define: Define, env: dict[str, str], tmp_path: Path, keyed_partitions: int
) -> None:
    await define(b"{")
    await define(b"[]")
    await define(b'{"schema": 9, "record": "action_list"}')
    await define(None)
    await define(action_list(1))
    prospect = in_partition(0, keyed_partitions)
    key = prospect.encode()
    await log.append(
        [
            (key, b"{"),
            (key, None),
            (key, b'"text"'),
            (key, click(prospect, "unknown")),
            (key, click(prospect, "type", type="redirect_link.licked")),
            (key, click(prospect, "schema", dataschema="urn:finish:interaction:9")),
            (None, click(prospect, "keyless")),
            (key, click(prospect_id(999), "foreign")),
            (key, click(prospect, "large", data={"text": "x" * 600_000})),
            (key, snapshot(prospect)),
            (key, click(prospect, "good")),
        ]
    )

    async with ServiceProcess(SERVICE, env=env, folder=tmp_path) as service:
        await eventually(log.all_evaluated, 30, poll_s=0.1)
        assert service.running

    found = await letters(log)
    by_topic = [DeadLetter.model_validate_json(record.value) async for record in log.read(topics.DEAD_LETTERS)]
    assert [letter.reason for letter in by_topic if letter.topic == topics.INTERACTIONS] == [
        "malformed",
        "malformed",
        "malformed",
        "unknown_prospect",
        "unknown_type",
        "unknown_schema",
        "malformed",
        "malformed",
        "oversize",
    ]
    assert {letter.reason for letter in by_topic if letter.topic == topics.DEFINITIONS} == {
        "malformed",
        "unknown_schema",
    }
    assert len(found[8].value or b"") == 512 * 1024
    assert [d["id"] for d in await values(log, topics.DECISIONS)] == ["good"]
