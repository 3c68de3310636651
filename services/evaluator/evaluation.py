"""Records in, commands and decisions and dead letters out. No await: what a run of records led to is whole, or not there.

A record's own fault never stops its partition. Only a list version that nobody has seen yet does: the run ends before the
record that cites it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka import ConsumerRecord

from schemas import topics
from schemas.dead_letters import replay_of
from services.chassis.kafka_batches import Record
from services.evaluator.dead_letters import dead_letter, key_of, settled
from services.evaluator.machine import Machine, Refused, Stepped, VersionUnknown
from services.evaluator.state_store import StateStore, StateUnreadableError

_ENVELOPE_BYTES: Final = 2048
"""Room for key, headers and the batch around a value."""
_TRACE: Final = "traceparent"
_COMMANDS: Final = {executor: topics.commands(executor) for executor in topics.EXECUTORS}


@dataclass(slots=True)
class Evaluated:
    """What a run of records led to: what is to be sent, the states after it, and `next`, the offset behind it."""

    next: int
    outputs: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    """By topic name, without a prefix."""
    changed: dict[bytes, object] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    discarded: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    waits_for: VersionUnknown | None = None


class Evaluation:
    """Drives the machine. `record_max_bytes` is what a topic takes."""

    def __init__(self, machine: Machine, record_max_bytes: int) -> None:
        self._machine = machine
        self._value_max_bytes = record_max_bytes - _ENVELOPE_BYTES

    def run(self, store: StateStore, records: Sequence[ConsumerRecord]) -> Evaluated:
        """Carry out the records in order, changing the states in `store`."""
        evaluated = Evaluated(next=records[0].offset)
        for record in records:
            try:
                self._carry_out(record, store, evaluated)
            except VersionUnknown as unknown:
                evaluated.waits_for = unknown
                break
            except Refused as refused:
                refuse(record, topics.INTERACTIONS, refused, evaluated)
            except StateUnreadableError as unreadable:
                refuse(
                    record,
                    topics.INTERACTIONS,
                    Refused("permanent", f"the state kept is unreadable: {unreadable}"),
                    evaluated,
                )
            except Exception as bug:  # noqa: BLE001 - the one place: a bug met by one record must not stop the others
                refuse(record, topics.INTERACTIONS, Refused("permanent", type(bug).__name__), evaluated)
            evaluated.next = record.offset + 1
        return evaluated

    def _carry_out(self, record: ConsumerRecord, store: StateStore, evaluated: Evaluated) -> None:
        key: bytes | None = record.key
        before = None if key is None else store.get(key)
        replayed = bool(record.headers) and replay_of(record.headers) is not None
        stepped = self._machine.step(before, key, record.value, record.offset, replayed=replayed)
        self._check_sizes(stepped)
        headers = [header for header in record.headers if header[0] == _TRACE] if record.headers else []
        outputs = evaluated.outputs
        for command in stepped.commands:
            outputs[_COMMANDS[command.executor]].append((key, command.value, headers))
            evaluated.commands[command.executor] += 1
        for decision in stepped.decisions:
            outputs[topics.DECISIONS].append((key, decision, headers))
        if key is not None and stepped.state is not None and stepped.state is not before:
            store.put(key, stepped.state)
            evaluated.changed[key] = stepped.state
        evaluated.outcomes[stepped.outcome] += 1
        if stepped.discarded:
            evaluated.discarded.update(stepped.discarded)
        if stepped.refused is not None:
            refuse(record, topics.INTERACTIONS, stepped.refused, evaluated)
        elif record.headers:
            end_replay(record, evaluated)

    def _check_sizes(self, stepped: Stepped) -> None:
        """Refuse what the broker would: it would kill the producer, at every restart again."""
        for command in stepped.commands:
            if len(command.value) > self._value_max_bytes:
                raise Refused("oversize", f"a command for {command.executor} of {len(command.value)} bytes")
        for decision in stepped.decisions:
            if len(decision) > self._value_max_bytes:
                raise Refused("oversize", f"a decision of {len(decision)} bytes")


def refuse(record: ConsumerRecord, topic: str, refused: Refused, evaluated: Evaluated) -> None:
    """Add the dead letter of a record of `topic`, its name without a prefix."""
    letter = dead_letter(record, topic, refused)
    evaluated.outputs[topics.DEAD_LETTERS].append((key_of(record), letter, []))
    evaluated.dead[refused.reason] += 1


def end_replay(record: ConsumerRecord, evaluated: Evaluated) -> None:
    """Let the dead letter end that this record, which was carried out, is the replay of."""
    if (ended := settled(record)) is not None:
        evaluated.outputs[topics.DEAD_LETTERS].append((key_of(record), ended, []))
