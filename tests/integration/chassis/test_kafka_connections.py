"""A connection that breaks under a client as uvloop tells it."""

from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from services.chassis import kafka
from services.chassis.kafka_connections import mend
from services.chassis.settings import Kafka
from tests.support.eventually import eventually


def _closed(_data: bytes) -> None:
    raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")


async def test_a_client_whose_connection_is_closed_under_it_keeps_its_metadata_and_goes_on(
    kafka_settings: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kafka.running(kafka.producer(kafka_settings, client_id="breaks")) as producer:
        client = producer.client
        connections: list[Any] = list(client._conns.values())
        for connection in connections:
            monkeypatch.setattr(connection._writer, "write", _closed)

        with pytest.raises(KafkaConnectionError):
            await connections[0].send(MetadataRequest([]))

        assert not connections[0].connected()
        await eventually(client.force_metadata_update, 10)
        assert not client._sync_task.done()
        assert all(connection.connected() for connection in client._conns.values())


def test_mending_twice_is_mending_once() -> None:
    before = AIOKafkaConnection.send, AIOKafkaConnection._send_sasl_token
    mend()
    assert before == (AIOKafkaConnection.send, AIOKafkaConnection._send_sasl_token)
    assert all(hasattr(method, "__wrapped__") for method in before)
