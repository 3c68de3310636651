"""What the evaluator overrides, or leans on, in private parts of Faust and aiokafka. Red here means: read the change in the
new release, see what it means for `frames.py` and `ownership.py`, run the chaos tests, and only then write down the hash."""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from faust.app.base import App, BootStrategy
from faust.tables.recovery import Recovery
from faust.topics import Topic
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka as driver
from mode.threads import MethodQueue, QueueServiceThread, ServiceThread

OVERRIDDEN = {
    Topic._compile_decode: "6474178f8c211c05",
    ServiceThread.__init__: "82979878990cdff5",
    driver.AIOKafkaConsumerThread._create_worker_consumer: "c2701bfc3e6f6cad",
    driver.AIOKafkaConsumerThread._fetch_records: "39a2c6c79fc1455a",
    driver.Consumer._new_consumer_thread: "0870ec53dea75083",
    Consumer.getmany: "4b168d84882a70d6",
    Consumer.on_buffer_full: "c8961679e0bcdce5",
    Consumer.verify_all_partitions_active: "4e0e46f5c297305d",
    Consumer.perform_seek: "0e8c130ff4b0afd8",
    Consumer.on_partitions_revoked: "d04b7ae72c6fc206",
    App._create_directories: "a9f571c3b04abec3",
    BootStrategy.kafka_producer: "54a789df64f66255",
}
LEANT_ON = {
    Consumer._drain_messages: "44a2500309e83c63",
    Consumer.pause_partitions: "27a1c94bdacd54de",
    Consumer.resume_partitions: "afe6b7c02a41d63c",
    driver.Consumer._to_message: "7c24f6511b2fcef7",
    driver.AIOKafkaConsumerThread.getmany: "26fc5fc9f3b667e1",
    QueueServiceThread.call_thread: "479edda75b54734b",
    MethodQueue._process_enqueued: "d88a086d148c8012",
    Recovery._resume_streams: "d986a6710c1aca98",
    Recovery._restart_recovery.fun: "6bd8a8558a2dffe4",
    App._on_partitions_revoked: "d5c895bbe57dc73a",
    App._on_partitions_assigned: "de932b7927db85b3",
    App.on_stop: "bfe5a933defb2324",
    Fetcher.fetched_records: "be4348896b9b66af",
    FetchResult.getall: "3e717e30de5068d5",
}


def _hash(method: Callable[..., Any]) -> str:
    return hashlib.sha256(inspect.getsource(method).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("method", "known"),
    [pytest.param(method, known, id=method.__qualname__) for method, known in (OVERRIDDEN | LEANT_ON).items()],
)
def test_a_private_method_that_the_evaluator_depends_on_has_not_changed(method: Callable[..., Any], known: str) -> None:
    assert _hash(method) == known
