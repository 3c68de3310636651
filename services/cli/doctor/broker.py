"""The broker: there, with every topic as correctness needs it, and every group keeping up."""

import asyncio
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.topic_states import TopicState, offsets_segment_bytes, topic_states
from deploy.topics import Topics, admin
from services.chassis.settings import Kafka
from services.cli.doctor.findings import Finding, reason
from services.cli.doctor.groups import examine_groups
from services.cli.settings import Cli

_SEGMENT_BYTES_MAX: Final = 10 * 1024 * 1024


async def examine_broker(kafka: Kafka, topics: Topics, cli: Cli) -> list[Finding]:
    """Examine the broker, its topics and the groups that read them."""
    try:
        async with asyncio.timeout(cli.timeout_s), admin(kafka) as client:
            answers = await _answers(client, kafka)
            states = await topic_states(client, kafka, topics.keyed_partitions)
            offsets = examine_offsets(await offsets_segment_bytes(client))
            groups = await examine_groups(client, kafka, [each for each in states if each.partitions], cli)
    except (KafkaError, OSError, TimeoutError) as exc:
        found = f"{kafka.bootstrap} does not answer: {reason(exc)}"
        return [Finding("failed", "broker", found, "start it, or correct FA_KAFKA__BOOTSTRAP")]
    return [answers, *examine_topics(states), *offsets, *groups]


async def _answers(client: AIOKafkaAdminClient, kafka: Kafka) -> Finding:
    cluster = await client.describe_cluster()
    return Finding("ok", "broker", f"{kafka.bootstrap} answers, brokers: {len(cluster['brokers'])}")


def examine_offsets(segment_bytes: int | None) -> list[Finding]:
    """Judge what a broker reads after a restart before its groups go on; None: nobody knows."""
    if segment_bytes is None or segment_bytes <= _SEGMENT_BYTES_MAX:
        return []
    found = (
        f"__consumer_offsets is compacted by segments of {segment_bytes} bytes: groups may stand still after a restart"
    )
    return [Finding("warning", "offsets", found, "set its segment.bytes to 1048576: docs/runbooks/broker-trouble.md")]


def examine_topics(states: "tuple[TopicState, ...]") -> list[Finding]:
    """Judge the topics: what is missing, what differs, or that all are well.

    A keyed topic that differs from the setting, but not from the others, is the setting's mistake.
    """
    there = [state for state in states if state.partitions]
    counts = sorted({state.partitions for state in there if state.keyed})
    wrong = [state for state in there if state.problem]
    findings = []
    if missing := [state.name for state in states if not state.partitions]:
        findings.append(Finding("failed", "topics", f"missing: {', '.join(missing)}", "run `finish topics apply`"))
    if len(counts) > 1:
        found = f"keyed topics have different counts: {', '.join(map(str, counts))}"
        remedy = "make the odd ones anew, empty, before anything runs: output partition must equal input partition"
        findings.append(Finding("failed", "partitions", found, remedy))
    elif misled := [state for state in wrong if state.keyed and state.partitions != state.expected_partitions]:
        expected = misled[0].expected_partitions
        found = f"all keyed topics have {counts[0]} partitions, FA_TOPICS__KEYED_PARTITIONS says {expected}"
        findings.append(Finding("warning", "partitions", found, f"say FA_TOPICS__KEYED_PARTITIONS={counts[0]}"))
        wrong = [state for state in wrong if state not in misled]
    remedy = "make it anew, or set back what was changed"
    findings += [Finding("failed", f"topic {state.name}", str(state.problem), remedy) for state in wrong]
    return findings or [
        Finding("ok", "topics", f"all {len(states)} as declared, keyed ones with {counts[0]} partitions")
    ]
