"""Where a lane starts, and with what, from what stands in the state topic of a real broker."""

from collections.abc import AsyncIterator, Callable

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import ProducerFenced
from faust.tables.recovery import RebalanceAgain

from deploy.topics import admin
from schemas import topics
from services.chassis import kafka
from services.chassis.clock import SystemClock
from services.chassis.settings import Kafka
from services.evaluator.checkpoints import POSITION_KEY, CheckpointWriter, Position, encode
from services.evaluator.evaluation import Evaluated, Evaluation
from services.evaluator.hydration import Hydration, HydrationError
from services.evaluator.lanes import Lane
from services.evaluator.settings import Evaluator
from services.evaluator.state_store import MemoryStore
from tests.support.toy_log import ToyLog
from tests.support.toy_machine import ToyMachine, ToyState, interactions

PARTITION = 2
APP = "finish-evaluator"


async def nowhere(partition: int, evaluated: Evaluated) -> None:
    """Send nothing: these lanes evaluate nothing."""


class States:
    """The state topic's partition, and lanes over it."""

    def __init__(self, settings: Kafka, producer: AIOKafkaProducer) -> None:
        self.settings, self._producer = settings, producer
        self.source = TopicPartition(settings.topic(topics.INTERACTIONS), PARTITION)
        self.topic = settings.topic(topics.EVALUATOR_STATE)

    async def keep(self, key: bytes, value: bytes | None) -> None:
        await self._producer.send_and_wait(self.topic, value, key=key, partition=PARTITION)

    def writer(self) -> CheckpointWriter:
        return CheckpointWriter(self.settings, APP, self.source, self.topic, 30)

    def lane(self) -> Lane:
        machine = ToyMachine()
        return Lane(
            self.source,
            settings=Evaluator(),
            machine=machine,
            evaluation=Evaluation(machine, 1 << 20),
            store=MemoryStore(machine, 100),
            publish=nowhere,
            checkpoints=self.writer(),
            clock=SystemClock(),
        )

    async def hydrated(self, *, epoch: int = 0, overtaken: Callable[[], bool] = lambda: False) -> Lane:
        lane = self.lane()
        hydration = Hydration(self.settings, self.topic, poll_ms=20, epoch=epoch, state_format=1)
        await hydration.hydrate([lane], overtaken)
        return lane


@pytest.fixture
async def states(kafka_settings: Kafka) -> AsyncIterator[States]:
    producer: AIOKafkaProducer = kafka.producer(kafka_settings, client_id="test")
    async with kafka.running(producer):
        yield States(kafka_settings, producer)


def state(seen: int) -> bytes:
    return ToyMachine().encode(ToyState(seen))


async def appended(log: ToyLog) -> int:
    """Fill the log; return how many records its partition holds."""
    await log.append(interactions(400, seed=1))
    return len([record async for record in log.read(topics.INTERACTIONS) if record.partition == PARTITION])


async def test_without_states_and_position_a_lane_starts_at_the_beginning(states: States) -> None:
    lane = await states.hydrated()

    assert (lane.next, lane.done, lane.saved, len(lane.store)) == (0, 0, 0, 0)


async def test_a_lane_starts_where_the_last_checkpoint_ends_with_its_states(states: States, log: ToyLog) -> None:
    end = await appended(log)
    writer = states.writer()
    await writer.start()
    await writer.write({b"a": state(1), b"b": state(1)}, Position(5, 0, 1))
    await writer.write({b"a": state(2)}, Position(end, 0, 1))
    await writer.close()

    lane = await states.hydrated()

    assert lane.next == end
    assert [lane.store.get(key) for key in (b"a", b"b", b"c")] == [ToyState(2), ToyState(1), None]


async def test_a_checkpoint_that_was_not_committed_is_not_seen_and_its_writer_is_fenced(
    states: States, log: ToyLog
) -> None:
    await appended(log)
    writer = states.writer()
    await writer.start()
    await writer.write({b"a": state(1)}, Position(5, 0, 1))
    producer = writer._producer
    assert producer is not None
    await producer.begin_transaction()
    await producer.send_and_wait(states.topic, state(9), key=b"a", partition=PARTITION)

    successor = states.writer()
    await successor.start()
    lane = await states.hydrated()
    await successor.close()

    assert lane.store.get(b"a") == ToyState(1)
    assert lane.next == 5
    with pytest.raises(ProducerFenced):
        await producer.commit_transaction()
    await writer.close()


async def test_a_deleted_state_is_gone(states: States) -> None:
    await states.keep(b"a", state(1))
    await states.keep(POSITION_KEY, encode(Position(0, 0, 1)))
    await states.keep(b"a", None)

    lane = await states.hydrated()

    assert lane.store.get(b"a") is None


@pytest.mark.parametrize(
    ("position", "sentence"),
    [
        (None, "states without a position"),
        (b"{", "the position is unreadable"),
        (b'{"offset": -1, "epoch": 0, "format": 1}', "the position is unreadable"),
        (encode(Position(0, 0, 2)), "states of format 2, this machine reads 1"),
        (encode(Position(0, 1, 1)), "states of epoch 1, the setting says 0"),
        (encode(Position(1_000_000, 0, 1)), "the states reach to 1000000, the log has 0 to "),
    ],
)
async def test_a_state_topic_that_contradicts_itself_or_the_log_stops_the_process(
    states: States, position: bytes | None, sentence: str
) -> None:
    await states.keep(b"a", state(1))
    if position is not None:
        await states.keep(POSITION_KEY, position)

    with pytest.raises(HydrationError, match=sentence):
        await states.hydrated()


async def test_records_lost_before_they_were_evaluated_stop_the_process(states: States, log: ToyLog) -> None:
    await appended(log)
    await states.keep(POSITION_KEY, encode(Position(3, 0, 1)))
    async with admin(states.settings) as client:
        await client.delete_records({states.source: RecordsToDelete(before_offset=10)})

    with pytest.raises(HydrationError, match="the states reach to 3, the log has 10 to "):
        await states.hydrated()


async def test_a_raised_epoch_starts_the_new_log_with_the_states_kept(states: States) -> None:
    await states.keep(b"a", state(4))
    await states.keep(POSITION_KEY, encode(Position(1_000_000, 0, 1)))

    lane = await states.hydrated(epoch=1)

    assert lane.next == 0
    assert lane.store.get(b"a") == ToyState(4)


async def test_a_hydration_overtaken_by_another_rebalance_is_abandoned(states: States) -> None:
    await states.keep(b"a", state(1))

    with pytest.raises(RebalanceAgain):
        await states.hydrated(overtaken=lambda: True)
