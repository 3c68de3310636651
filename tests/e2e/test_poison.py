"""Poison on every topic: each record is a dead letter with its reason, and what comes behind it is settled."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from schemas import topics
from services.chassis import kafka
from services.chassis.partitioner import partition_for
from services.chassis.settings import Kafka
from tests.support.deployment import SELF_CONTAINED, Deployment
from tests.support.poison import poison
from tests.support.workspace import Workspace, fired

PARTITIONS: Final = 2
MALFORMED: Final = {
    "bad JSON": "malformed",
    "no object": "malformed",
    "unknown type": "malformed",
    "unknown schema": "unknown_schema",
    "tombstone": "malformed",
    "oversize": "malformed",
    "just under what a topic takes": "malformed",
}
OVERSIZE: Final = {"oversize": "oversize", "just under what a topic takes": "oversize"}
UNKNOWN_TYPE: Final = {"unknown type": "unknown_type"}
REASONS: Final = {
    topics.INTERACTIONS: MALFORMED | OVERSIZE | UNKNOWN_TYPE,
    topics.DEFINITIONS: MALFORMED | UNKNOWN_TYPE,
    topics.DECISIONS: MALFORMED,
    topics.DEAD_LETTERS: MALFORMED,
    **{topics.commands(name): MALFORMED | OVERSIZE | UNKNOWN_TYPE for name in SELF_CONTAINED},
}
"""What each kind of poison ends as. Definitions, decisions and dead letters may be as large as a topic takes."""
EVERY_EXECUTOR: Final[list[dict[str, Any]]] = [
    {"id": "tags", "type": "add_tags", "params": {"tags": ["seen"]}},
    {"id": "score", "type": "adjust_score", "params": {"op": "add", "amount": 1}},
    {"id": "fields", "type": "change_field_value", "params": {"field": "city", "op": "set", "value": "Bonn"}},
    {"id": "owner", "type": "assign_owner", "params": {"user": "ana"}},
    {"id": "lists", "type": "add_to_list", "params": {"lists": ["news"]}},
    {"id": "leads", "type": "convert_to_lead", "params": {}},
    {"id": "notify", "type": "notify_user", "params": {"to": "owner", "text": "A visit"}},
    {"id": "tasks", "type": "create_crm_task", "params": {"title": "Call", "due": {"in": "P1D"}}},
]


class Letter(NamedTuple):
    """What is known of a dead letter: where the record lies, and why it is dead."""

    topic: str
    partition: int
    offset: int
    reason: str


@pytest.fixture
def keyed_partitions() -> int:
    return PARTITIONS


@pytest.fixture
async def producer(kafka_settings: Kafka) -> AsyncIterator[AIOKafkaProducer]:
    client: AIOKafkaProducer = kafka.producer(kafka_settings, client_id="test")
    async with kafka.running(client):
        yield client


async def _prospects(work: Workspace, **values: Any) -> list[str]:
    """Create one prospect for each partition."""
    found: dict[int, str] = {}
    while len(found) < PARTITIONS:
        prospect = await work.prospect(**values)
        found.setdefault(partition_for(prospect.encode(), PARTITIONS), prospect)
    return [found[number] for number in range(PARTITIONS)]


def _documents(prospect: str, asset: str) -> Mapping[str, dict[str, bytes | None]]:
    """Return the poison of each topic."""
    now = datetime.now(UTC).isoformat()
    interaction = {
        "specversion": "1.0",
        "dataschema": "urn:finish:interaction:1",
        "id": "poison",
        "source": "poison",
        "type": "redirect_link.clicked",
        "subject": asset,
        "time": now,
        "uid": str(uuid4()),
        "prospectid": prospect,
        "actionlistversion": 1,
        "prospectlistversion": 0,
        "recordedtime": now,
        "data": {},
    }
    decision = {"schema": 1, "type": "nonsense", "uid": str(uuid4())}
    letter = {"schema": 1, "id": str(uuid4()), "reason": "bad luck"}
    definition = {"schema": 1, "record": "asset", "kind": "redirect_link"}

    def of(document: dict[str, Any], type_key: str = "type", schema_key: str = "schema") -> dict[str, bytes | None]:
        return poison(document, type_key=type_key, schema_key=schema_key, text_key="text")

    return {
        topics.INTERACTIONS: of(interaction, schema_key="dataschema"),
        topics.DEFINITIONS: of(definition, "record"),
        topics.DECISIONS: of(decision),
        topics.DEAD_LETTERS: of(letter),
    }


def _commands(prospect: str) -> dict[str, bytes | None]:
    """Return the poison of a topic of commands, each with an id of its own: those that can be read go to the ledger."""
    command = {
        "schema": 1,
        "id": str(uuid4()),
        "uid": str(uuid4()),
        "action_id": "poison",
        "action_name": "Poison",
        "asset_id": "nothing",
        "version": 1,
        "prospect_id": prospect,
        "type": "add_tags",
        "params": {"tags": ["poisoned"]},
        "order": 1,
        "recordedtime": datetime.now(UTC).isoformat(),
    }
    kinds = poison(command, type_key="type", schema_key="schema", text_key="text")
    again = poison({**command, "id": str(uuid4())}, type_key="type", schema_key="schema", text_key="text")
    return kinds | {"unknown schema": again["unknown schema"]}


async def _pour(
    producer: AIOKafkaProducer, settings: Kafka, topic: str, partition: int, key: str, kinds: dict[str, bytes | None]
) -> set[Letter]:
    """Send the poison; return the dead letters that must come of it."""
    expected = set()
    for kind, value in kinds.items():
        sent = await producer.send_and_wait(settings.topic(topic), value, key=key.encode(), partition=partition)
        expected.add(Letter(topic, partition, sent.offset, REASONS[topic][kind]))
    return expected


async def _letters(work: Workspace) -> set[Letter]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await work.api("GET", "/dead-letters", params={"cursor": cursor} if cursor else {})
        found += page["items"]
        if not (cursor := page.get("next")):
            break
    letters = [Letter(one["topic"], one["partition"], one["offset"], one["reason"]) for one in found]
    assert len(set(letters)) == len(letters), "a record is a dead letter twice"
    return set(letters)


async def test_poison_on_every_topic_is_a_dead_letter_and_the_next_interaction_of_each_partition_is_settled(
    deployment: Deployment, kafka_settings: Kafka, producer: AIOKafkaProducer
) -> None:
    work = deployment.workspace
    await work.api("POST", "/users", {"id": "ana", "name": "Ana", "email": "ana@example.com"})
    await work.api("POST", "/lists", {"id": "news", "name": "News"})
    link = await work.asset(EVERY_EXECUTOR)
    expected: set[Letter] = set()
    prospects = await _prospects(work)
    for partition, prospect in enumerate(prospects):
        poisons = {
            **_documents(prospect, link),
            **{topics.commands(name): _commands(prospect) for name in SELF_CONTAINED},
        }
        for topic, kinds in poisons.items():
            place = 0 if topic == topics.DEFINITIONS else partition
            expected |= await _pour(producer, kafka_settings, topic, place, prospect, kinds)

    for prospect in prospects:
        explained = await work.settled(await work.click(link, prospect))
        assert fired(explained) == dict.fromkeys(SELF_CONTAINED, True)
        assert {command["outcome"]["state"] for command in explained["commands"]} == {"done"}
        assert (await work.record(prospect))["tags"] == ["seen"]

    async def all_told() -> bool:
        return len(await _letters(work)) >= len(expected)

    await deployment.until(all_told)
    assert await _letters(work) == expected
    version = await work.save(link, EVERY_EXECUTOR[:1])
    assert version == 2
    await work.stamped(link, 2, prospects[0])
    assert all(process.running for process in deployment.processes.values())


async def test_poison_among_the_states_is_a_dead_letter_of_what_needs_it_and_stops_no_partition(
    deployment: Deployment, kafka_settings: Kafka, producer: AIOKafkaProducer
) -> None:
    work = deployment.workspace
    link = await work.asset(EVERY_EXECUTOR[:1])
    state = {"format": 1, "type": "state"}
    kinds = poison(state, type_key="type", schema_key="format", text_key="text")
    struck = {kind: await work.prospect() for kind in kinds}
    spared = await _prospects(work)
    await asyncio.gather(*(work.click(link, one) for one in (*struck.values(), *spared)))
    await deployment.until(lambda: _all_settled(work, (*struck.values(), *spared)))
    await deployment.stop("evaluator")
    for kind, prospect in struck.items():
        await producer.send_and_wait(
            kafka_settings.topic(topics.EVALUATOR_STATE),
            kinds[kind],
            key=prospect.encode(),
            partition=partition_for(prospect.encode(), PARTITIONS),
        )
    await deployment.start("evaluator")

    lost = {kind: await work.click(link, prospect) for kind, prospect in struck.items()}
    for prospect in spared:
        await work.settled(await work.click(link, prospect))

    for uid in lost.values():
        await work.reached(uid, "dead")
    letters = (await work.api("GET", "/dead-letters"))["items"]
    reasons = {letter["uid"]: letter["reason"] for letter in letters}
    # A state that was deleted is that of a prospect never seen.
    assert {kind: reasons[uid] for kind, uid in lost.items()} == dict.fromkeys(kinds, "permanent") | {
        "tombstone": "unknown_prospect"
    }


async def _all_settled(work: Workspace, prospects: tuple[str, ...]) -> bool:
    entries = [entry for prospect in prospects for entry in await work.timeline(prospect)]
    return len(entries) >= len(prospects) and all(entry["status"] == "settled" for entry in entries)
