import pytest

from services.evaluator.state_store import MemoryStore, StateUnreadableError
from tests.support.toy_machine import ToyMachine, ToyState


def store(decoded_max: int = 10) -> MemoryStore:
    return MemoryStore(ToyMachine(), decoded_max)


def test_a_state_is_decoded_when_it_is_used() -> None:
    states = store()
    states.load(b"k", ToyMachine().encode(ToyState(1, 2, 3)))

    assert states.get(b"k") == ToyState(1, 2, 3)
    assert states.get(b"unseen") is None


def test_only_the_states_used_last_stay_decoded_and_none_is_lost() -> None:
    states = store(decoded_max=2)
    for number in range(5):
        states.put(b"%d" % number, ToyState(number))

    assert len(states._decoded) == 2
    assert [states.get(b"%d" % number) for number in range(5)] == [ToyState(number) for number in range(5)]
    assert len(states) == 5


def test_a_change_made_after_resting_is_kept_at_the_next_rest() -> None:
    states = store(decoded_max=1)
    states.put(b"a", ToyState(1))
    states.put(b"b", ToyState(1))
    states.put(b"a", ToyState(2))
    states.put(b"b", ToyState(3))

    assert states.get(b"a") == ToyState(2)


def test_a_tombstone_deletes() -> None:
    states = store()
    states.load(b"k", ToyMachine().encode(ToyState(1)))
    states.load(b"k", None)

    assert states.get(b"k") is None
    assert len(states) == 0


@pytest.mark.parametrize("value", [b"", b"not JSON", b"[]", b'{"state": 3}'])
def test_bytes_that_are_no_state_are_named_as_such_at_each_use(value: bytes) -> None:
    states = store()
    states.load(b"k", value)

    for _ in range(2):
        with pytest.raises(StateUnreadableError):
            states.get(b"k")
