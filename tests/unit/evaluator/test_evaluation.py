import base64
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from aiokafka import ConsumerRecord

from core.definitions import VersionUnknown
from core.records import Refused
from schemas import topics
from schemas.dead_letters import REPLAY_HEADER, DeadLetter, DeadLetterSettled
from services.evaluator.evaluation import Evaluation
from services.evaluator.state_store import MemoryStore
from tests.support.toy_machine import ToyCommand, ToyMachine, ToyState, ToyStep

RECORD_MAX_BYTES = 1024 * 1024
LETTER = UUID("6f1e2d3c-0000-4000-8000-000000000009")


def record(offset: int, value: bytes | None, key: bytes | None = b"p", headers: Any = ()) -> ConsumerRecord:
    return ConsumerRecord(
        topic="t.finish.interactions.v1",
        partition=3,
        offset=offset,
        timestamp=1_700_000_000_000,
        timestamp_type=1,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=headers,
    )


def event(identity: str) -> bytes:
    return orjson.dumps({"id": identity, "weight": 1})


def letters(outputs: dict[str, Any]) -> list[DeadLetter]:
    return [DeadLetter.model_validate_json(value) for _, value, _ in outputs[topics.DEAD_LETTERS]]


@dataclass
class Saying(ToyMachine):
    """Says a given thing for the word "special", else does as the toy does."""

    said: ToyStep | Exception

    def step(
        self, state: object | None, key: bytes | None, value: bytes | None, offset: int, *, replayed: bool = False
    ) -> ToyStep:
        if value != b"special":
            return super().step(state, key, value, offset, replayed=replayed)
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def run(machine: ToyMachine, *records: ConsumerRecord) -> tuple[Any, MemoryStore]:
    store = MemoryStore(machine, 100)
    return Evaluation(machine, RECORD_MAX_BYTES).run(store, records), store


def test_the_outputs_of_a_run_stand_in_the_order_of_its_records() -> None:
    evaluated, store = run(ToyMachine(), record(7, event("a")), record(8, event("b")), record(9, event("c"), b"q"))

    assert evaluated.next == 10
    assert [orjson.loads(value)["id"] for _, value, _ in evaluated.outputs[topics.DECISIONS]] == ["a", "b", "c"]
    assert [key for key, _, _ in evaluated.outputs[topics.DECISIONS]] == [b"p", b"p", b"q"]
    assert evaluated.changed == {b"p": store.get(b"p"), b"q": store.get(b"q")}
    assert evaluated.outcomes == {"decided": 3}


def test_a_record_that_is_refused_becomes_a_dead_letter_and_the_next_is_judged_without_it() -> None:
    evaluated, _ = run(ToyMachine(), record(1, event("a")), record(2, b"{"), record(3, event("b")))

    (letter,) = letters(evaluated.outputs)
    assert (letter.reason, letter.topic, letter.partition, letter.offset) == ("malformed", topics.INTERACTIONS, 3, 2)
    assert (letter.key, letter.value, letter.prospect_id) == (b"p", b"{", "p")
    assert letter.first_time.timestamp() == 1_700_000_000
    assert evaluated.changed[b"p"].seen == 2
    assert evaluated.dead == {"malformed": 1}


def test_the_dead_letter_of_a_record_is_the_same_at_every_reading() -> None:
    poison = record(2, b"{")
    first, second = run(ToyMachine(), poison)[0], run(ToyMachine(), poison)[0]

    assert first.outputs == second.outputs


def test_the_replay_of_a_dead_letter_ends_it_and_leaves_no_trace_on_what_it_led_to() -> None:
    replay = record(5, event("a"), headers=((REPLAY_HEADER, str(LETTER).encode()),))
    evaluated, _ = run(ToyMachine(), replay, record(6, event("b")))

    ((key, ended, _),) = evaluated.outputs[topics.DEAD_LETTERS]
    assert (key, DeadLetterSettled.model_validate_json(ended).id) == (b"p", LETTER)
    assert [headers for _, _, headers in evaluated.outputs[topics.DECISIONS]] == [[], []]


def test_the_machine_is_told_what_is_a_replay() -> None:
    told = []

    class Listening(ToyMachine):
        def step(
            self, state: object | None, key: bytes | None, value: bytes | None, offset: int, *, replayed: bool = False
        ) -> ToyStep:
            told.append(replayed)
            return super().step(state, key, value, offset, replayed=replayed)

    replay = ((REPLAY_HEADER, str(LETTER).encode()),)
    run(Listening(), record(5, event("a")), record(6, event("b"), headers=replay), record(7, event("c"), headers=()))
    assert told == [False, True, False]


def test_a_replay_that_is_refused_again_is_the_same_letter_and_one_that_waits_is_nothing_yet() -> None:
    headers = ((REPLAY_HEADER, str(LETTER).encode()),)
    evaluated, _ = run(ToyMachine(), record(5, b"{", headers=headers))
    (letter,) = letters(evaluated.outputs)
    assert (letter.id, letter.offset) == (LETTER, 5)

    waiting, _ = run(Saying(VersionUnknown("asset", 4)), record(6, b"special", headers=headers))
    assert not waiting.outputs


def test_a_header_that_names_no_letter_is_none() -> None:
    for value in (b"", b"letter", b"\xff"):
        evaluated, _ = run(ToyMachine(), record(5, event("a"), headers=((REPLAY_HEADER, value),)))
        assert topics.DEAD_LETTERS not in evaluated.outputs


def test_a_bug_met_by_one_record_is_a_dead_letter_that_quotes_nothing() -> None:
    evaluated, _ = run(ToyMachine(), record(1, event("bug")), record(2, event("b")))

    (letter,) = letters(evaluated.outputs)
    assert (letter.reason, letter.error) == ("permanent", "RuntimeError")
    assert evaluated.changed[b"p"].seen == 1


def test_a_record_without_key_or_value_stops_nothing() -> None:
    machine = Saying(Refused("malformed", "the key is missing"))
    evaluated, _ = run(machine, record(1, b"special", key=None), record(2, None), record(3, event("b")))

    assert [letter.offset for letter in letters(evaluated.outputs)] == [1, 2]
    assert evaluated.next == 4


def test_an_unreadable_state_makes_its_prospects_records_dead_letters_and_nobody_elses() -> None:
    machine = ToyMachine()
    store = MemoryStore(machine, 100)
    store.load(b"poisoned", b"no state")
    evaluated = Evaluation(machine, RECORD_MAX_BYTES).run(
        store, [record(1, event("a"), b"poisoned"), record(2, event("b"), b"sound")]
    )

    (letter,) = letters(evaluated.outputs)
    assert (letter.reason, letter.key) == ("permanent", b"poisoned")
    assert list(evaluated.changed) == [b"sound"]


def test_a_dead_letter_names_its_interaction_even_when_only_the_state_or_the_machine_was_at_fault() -> None:
    uid = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
    machine = ToyMachine()
    store = MemoryStore(machine, 100)
    store.load(b"poisoned", b"no state")
    records = [
        record(1, orjson.dumps({"id": "a", "weight": 1, "uid": uid}), b"poisoned"),
        record(2, orjson.dumps({"id": "bug", "weight": 1, "uid": uid})),
        record(3, orjson.dumps({"id": "bug", "weight": 1, "uid": 7})),
    ]
    evaluated = Evaluation(machine, RECORD_MAX_BYTES).run(store, records)

    assert [letter.uid and str(letter.uid) for letter in letters(evaluated.outputs)] == [uid, uid, None]


def test_a_run_ends_before_a_record_that_cites_an_unseen_version() -> None:
    machine = Saying(VersionUnknown("asset", 4))
    evaluated, _ = run(machine, record(1, event("a")), record(2, b"special"), record(3, event("b")))

    assert evaluated.next == 2
    assert evaluated.waits_for is machine.said
    assert len(evaluated.outputs[topics.DECISIONS]) == 1


def test_a_command_that_no_topic_takes_is_refused_and_leaves_no_trace() -> None:
    large = ToyCommand("tags", b"x" * RECORD_MAX_BYTES)
    evaluated, store = run(Saying(ToyStep(ToyState(1), (large,), ())), record(1, b"special"))

    assert [letter.reason for letter in letters(evaluated.outputs)] == ["oversize"]
    assert list(evaluated.outputs) == [topics.DEAD_LETTERS]
    assert store.get(b"p") is None


def test_a_state_that_did_not_change_is_not_written_again() -> None:
    machine = ToyMachine()
    store = MemoryStore(machine, 100)
    store.put(b"p", kept := ToyState(5))
    evaluated = Evaluation(Saying(ToyStep(kept, (), (), outcome="duplicate")), RECORD_MAX_BYTES).run(
        store, [record(1, b"special")]
    )

    assert evaluated.changed == {}
    assert evaluated.outcomes == {"duplicate": 1}


def test_the_trace_of_a_record_goes_on_in_what_it_led_to() -> None:
    headers = (("traceparent", b"00-1-2-01"), ("other", b"x"))
    evaluated, _ = run(ToyMachine(), record(1, event("a"), headers=headers))

    assert [headers for _, _, headers in evaluated.outputs[topics.DECISIONS]] == [[("traceparent", b"00-1-2-01")]]


def test_a_huge_poison_record_is_cut_to_what_a_topic_takes() -> None:
    evaluated, _ = run(ToyMachine(), record(1, b"{" * 900_000, key=b"k" * 900_000))

    ((key, value, _),) = evaluated.outputs[topics.DEAD_LETTERS]
    assert len(key) + len(value) < RECORD_MAX_BYTES - 2048
    assert len(base64.b64decode(orjson.loads(value)["value"])) == 512 * 1024
    assert orjson.loads(value)["cut"] is True


def test_a_dead_letter_of_an_erased_prospect_says_what_is_wrong_without_the_bytes() -> None:
    refused = Refused("malformed", "not JSON")
    refused.withheld = True
    evaluated, _ = run(Saying(refused), record(5, b"special"))
    (letter,) = letters(evaluated.outputs)
    assert (letter.reason, letter.error, letter.offset) == ("malformed", "not JSON", 5)
    assert (letter.key, letter.value) == (None, None)
