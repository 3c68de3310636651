"""Kafka clients with every option that carries a guarantee written down, and reading a log to its end.

Names of topics are passed as they are on the broker (`settings.topic(...)`); groups and transactional ids get the prefix
here. A client must be made inside the running loop; `running` starts and stops it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.chassis.kafka_connections import mend
from services.chassis.settings import Kafka

Isolation = Literal["read_committed", "read_uncommitted"]
Client = TypeVar("Client", AIOKafkaConsumer, AIOKafkaProducer)

log = structlog.get_logger()

mend()


def connection(kafka: Kafka) -> dict[str, Any]:
    """Return the options that every client shares, an admin client too: where, how secured, how patient."""
    secured = "SSL" in kafka.security_protocol
    password = kafka.sasl_password
    return {
        "bootstrap_servers": kafka.bootstrap,
        "security_protocol": kafka.security_protocol,
        "ssl_context": ssl.create_default_context(cafile=kafka.ca_file) if secured else None,
        "sasl_mechanism": kafka.sasl_mechanism if "SASL" in kafka.security_protocol else "PLAIN",
        "sasl_plain_username": kafka.sasl_username,
        "sasl_plain_password": password.get_secret_value() if password else None,
        "request_timeout_ms": kafka.request_timeout_ms,
        "retry_backoff_ms": kafka.retry_backoff_ms,
        "metadata_max_age_ms": kafka.metadata_max_age_ms,
    }


def producer(kafka: Kafka, *, client_id: str, transactional_id: str | None = None) -> AIOKafkaProducer:
    """Make an idempotent producer whose sends are acknowledged by all replicas in sync.

    With a transactional id, starting it fences every older producer of that id.
    """
    return AIOKafkaProducer(
        **connection(kafka),
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        transactional_id=None if transactional_id is None else kafka.group(transactional_id),
        transaction_timeout_ms=kafka.transaction_timeout_ms,
        linger_ms=kafka.linger_ms,
        max_batch_size=kafka.batch_max_bytes,
        max_request_size=kafka.record_max_bytes,
    )


def consumer(
    kafka: Kafka, *topics: str, client_id: str, isolation: Isolation, group: str | None = None
) -> AIOKafkaConsumer:
    """Make a consumer that never commits by itself and starts at the beginning where there is no commit.

    Without a group it is given its partitions by `assign`, and nothing is ever committed.
    """
    return AIOKafkaConsumer(
        *topics,
        **connection(kafka),
        client_id=client_id,
        group_id=None if group is None else kafka.group(group),
        group_instance_id=None if group is None else kafka.member_id,
        isolation_level=isolation,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=kafka.session_timeout_ms,
        heartbeat_interval_ms=kafka.heartbeat_interval_ms,
        rebalance_timeout_ms=kafka.rebalance_timeout_ms,
        max_poll_interval_ms=kafka.poll_interval_max_ms,
        fetch_max_wait_ms=kafka.fetch_wait_max_ms if group is None else kafka.group_fetch_wait_max_ms,
        fetch_max_bytes=kafka.fetch_max_bytes,
        max_partition_fetch_bytes=kafka.partition_fetch_max_bytes,
    )


@asynccontextmanager
async def running(client: Client, *, stop_timeout_s: float = 10.0) -> AsyncIterator[Client]:
    """Start the client and stop it at the end, also when starting failed half-way.

    Stopping flushes, which with the broker away takes for ever: after `stop_timeout_s` what was not acknowledged is given
    up, as whoever sent it has been told or is ending too.
    """
    try:
        await client.start()
        yield client
    finally:
        try:
            async with asyncio.timeout(stop_timeout_s):
                await client.stop()
        except TimeoutError:
            log.warning("kafka_client_given_up", client=type(client).__name__)


async def caught_up(reader: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    """Tell whether the reader's position has reached these ends. The last record would not do: a transaction's marker
    at the end, or a compacted record, is never delivered."""
    for partition, end in ends.items():
        if await reader.position(partition) < end:
            return False
    return True


async def records_to_end(
    reader: AIOKafkaConsumer, partitions: Collection[TopicPartition], *, poll_ms: int = 100
) -> AsyncIterator[list[ConsumerRecord]]:
    """Yield the records from the present positions up to where the partitions end now, in chunks of one partition.

    The reader has been assigned the partitions and may go on reading after it.
    """
    ends = await reader.end_offsets(list(partitions))
    while not await caught_up(reader, ends):
        for records in (await reader.getmany(*partitions, timeout_ms=poll_ms)).values():
            yield records


async def unreachable(producer: AIOKafkaProducer) -> str | None:
    """Readiness check: return why the broker does not answer, or None."""
    try:
        await producer.client.fetch_all_metadata()
    except (KafkaError, OSError) as exc:
        return f"broker: {type(exc).__name__}"
    return None
