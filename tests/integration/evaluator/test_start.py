"""What is checked before anything is evaluated: one sentence, exit code 70."""

from pathlib import Path

from aiokafka.admin import NewPartitions

from deploy.local.ports import free_port
from deploy.topics import admin
from schemas import topics
from services.chassis.process import EXIT_FAILED
from services.chassis.settings import Kafka
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess


async def assert_ends_saying(sentence: str, env: dict[str, str], folder: Path) -> None:
    service = ServiceProcess("services.evaluator", env=env, folder=folder)
    await service.start(wait_ready=False)
    assert await service.wait() == EXIT_FAILED
    assert sentence in service.log.splitlines()[-1]


async def test_a_broker_that_does_not_answer_is_said(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    await assert_ends_saying(f"the broker {address} does not answer", {"FA_KAFKA__BOOTSTRAP": address}, tmp_path)


async def test_missing_topics_are_named(broker: str, unused_prefix: str, tmp_path: Path) -> None:
    env = {"FA_KAFKA__BOOTSTRAP": broker, "FA_KAFKA__TOPIC_PREFIX": unused_prefix}
    await assert_ends_saying("topics are missing: finish.commands.email.v1, ", env, tmp_path)


async def test_keyed_topics_of_different_partition_counts_are_refused(
    kafka_settings: Kafka, env: dict[str, str], keyed_partitions: int, tmp_path: Path
) -> None:
    async with admin(kafka_settings) as client:
        more = NewPartitions(keyed_partitions + 1)
        topic = kafka_settings.topic(topics.DECISIONS)
        await client.create_partitions({topic: more})

        async def told() -> bool:
            (described,) = await client.describe_topics([topic])
            return len(described["partitions"]) == keyed_partitions + 1

        await eventually(told)  # the broker answers before it tells others

    await assert_ends_saying("keyed topics must have the same number of partitions", env, tmp_path)
