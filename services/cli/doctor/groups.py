"""Consumer groups: who reads, and how many records are behind the committed offsets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.topic_states import TopicState
from schemas import topics
from services.chassis import kafka as clients
from services.chassis.settings import Kafka
from services.cli.doctor.findings import Finding
from services.cli.settings import Cli


@dataclass(frozen=True, slots=True)
class Group:
    """A group, what it reads, and what to start when nobody does. `always`: there is one in every deployment."""

    name: str
    check: str
    reads: tuple[str, ...]
    start: str
    always: bool


GROUPS: Final = (
    Group(topics.EVALUATOR_GROUP, "lag evaluator", (topics.INTERACTIONS,), "services.evaluator", always=True),
    *(
        Group(
            topics.executor_group(name),
            f"lag {name}",
            (topics.commands(name),),
            f"services.executors {name}",
            always=name not in topics.REMOTE_EXECUTORS,
        )
        for name in topics.EXECUTORS
    ),
    Group(
        topics.HISTORY_GROUP,
        "lag history",
        (topics.INTERACTIONS, topics.DECISIONS, topics.DEAD_LETTERS),
        "services.console",
        always=True,
    ),
)

Offsets = Mapping[TopicPartition, int]


async def examine_groups(
    client: AIOKafkaAdminClient, kafka: Kafka, states: Sequence[TopicState], cli: Cli
) -> list[Finding]:
    """Judge every group whose topics are there."""
    reader = clients.consumer(kafka, client_id="finish-doctor", isolation="read_uncommitted")
    async with clients.running(reader, stop_timeout_s=cli.timeout_s):
        parts = [TopicPartition(state.name, number) for state in states for number in range(state.partitions)]
        beginnings: Offsets = await reader.beginning_offsets(parts)
        ends: Offsets = await reader.end_offsets(parts)
    there = {state.name for state in states}
    findings = []
    for group in GROUPS:
        reads = {kafka.topic(name) for name in group.reads}
        if reads <= there:
            name = kafka.group(group.name)
            committed = await client.list_consumer_group_offsets(name)
            offsets = {part: position.offset for part, position in committed.items()}
            lag = sum(
                max(end - max(offsets.get(part, 0), beginnings[part]), 0)
                for part, end in ends.items()
                if part.topic in reads
            )
            findings.append(judged(group, await _members(client, name), lag, cli.lag_warning_records))
    return findings


async def _members(client: AIOKafkaAdminClient, group: str) -> int:
    """Return how many members a group has; one that never was has none.

    One group per request: aiokafka 0.14.0 reads the answer of version 3 by the form of version 2, which lacks the number
    behind each group, so that a second group is taken for something else.
    """
    (response,) = await client.describe_consumer_groups([group])
    ((_error, _group, _state, _type, _protocol, members, *_),) = response.groups
    return len(members)


def judged(group: Group, members: int, lag: int, lag_warning: int) -> Finding:
    """Judge one group."""
    start = f"start `python -m {group.start}`"
    if not members and lag:
        return Finding("failed", group.check, f"{lag} records wait and nobody reads them", start)
    if not members and group.always:
        return Finding("warning", group.check, "nothing waits, but nobody would read it", start)
    if not members:
        return Finding("ok", group.check, "nobody reads, and there is nothing to read")
    if lag > lag_warning:
        remedy = "look again: if it grows, see the logs of its members or start more"
        return Finding("warning", group.check, f"{lag} records wait, members: {members}", remedy)
    return Finding("ok", group.check, f"records behind: {lag}, members: {members}")
