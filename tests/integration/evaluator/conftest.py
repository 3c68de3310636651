"""The toy's log and evaluators over this test's topics."""

from collections.abc import AsyncIterator

import pytest

from services.chassis.settings import Kafka
from tests.support.toy_log import ToyLog, toy_log


@pytest.fixture
async def log(kafka_settings: Kafka, keyed_partitions: int) -> AsyncIterator[ToyLog]:
    async with toy_log(kafka_settings, keyed_partitions) as opened:
        yield opened


@pytest.fixture
def env(kafka_settings: Kafka) -> dict[str, str]:
    return {
        "FA_KAFKA__BOOTSTRAP": kafka_settings.bootstrap,
        "FA_KAFKA__TOPIC_PREFIX": kafka_settings.topic_prefix,
    }
