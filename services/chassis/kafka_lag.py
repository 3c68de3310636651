"""How far a member of a group is behind, asked of the broker beside the work: it grows while the work stands still."""

import asyncio
from collections.abc import Callable, Mapping
from typing import NoReturn

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from pydantic import PositiveFloat

from services.chassis.settings import Concern

log = structlog.get_logger()


class LagMeasuring(Concern):
    """How often the ends of the partitions are asked for, and how long an answer may take."""

    interval_s: PositiveFloat = 2.0
    timeout_s: PositiveFloat = 5.0


async def lag(reader: AIOKafkaConsumer, settled: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """Return the records of each assigned partition that are not settled.

    `settled` has the offsets behind what this process settled; for other partitions the group's commit tells, and without
    one all that the log holds is behind. Raises what the broker's answers raise.
    """
    partitions = list(reader.assignment())
    ends = await reader.end_offsets(partitions) if partitions else {}
    begins = await reader.beginning_offsets(partitions) if partitions else {}
    behind = {}
    for partition in partitions:
        done = settled.get(partition)
        if done is None:
            done = await reader.committed(partition) or 0
        behind[partition] = max(ends[partition] - max(done, begins[partition]), 0)
    return behind


async def follow_lag(
    reader: Callable[[], AIOKafkaConsumer | None],
    settled: Mapping[TopicPartition, int],
    report: Callable[[Mapping[TopicPartition, int]], None],
    measuring: LagMeasuring,
) -> NoReturn:
    """Report the lag in every interval, for ever; where the broker does not answer, the last report stands."""
    while True:
        current = reader()
        if current is not None:
            try:
                async with asyncio.timeout(measuring.timeout_s):
                    report(await lag(current, settled))
            except (KafkaError, IllegalStateError, OSError, TimeoutError) as exc:
                log.info("lag_not_measured", reason=type(exc).__name__)
        await asyncio.sleep(measuring.interval_s)
