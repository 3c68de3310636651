"""One seed played: clients act, faults strike, everything comes to rest, and the model says what must be there."""

import asyncio
import random as global_random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from random import Random
from typing import Any, Final, Literal
from uuid import UUID

import orjson

from core.definitions import Definitions as Compiled
from core.state import decode
from core.values import to_document
from schemas import topics
from schemas.action_lists import EXECUTOR_OF
from schemas.identity import interaction_uid
from schemas.topics import RECORD_EXECUTORS
from tests.chaos.model.expect import expect
from tests.chaos.model.expectation import Expected
from tests.chaos.model.log import Accepted, Changed, Created, Definitions, ProspectLog, SavedList, record
from tests.simulation.broker import Broker, Record, partition_of
from tests.simulation.processes import Process
from tests.simulation.store import Store
from tests.simulation.systems import Evaluating, Executing, Relaying, in_memory, supervised
from tests.simulation.virtual import VirtualClock, run, text, until
from tests.simulation.worlds import KINDS, TYPES, TYPES_OF, draw_lists, draw_prospects
from tests.support.simulation import NOW, action_list, interaction

Fault = Literal["kill", "hold", "broker", "database", "rewind", "rebalance", "clock"]
FAULTS: Final[Sequence[Fault]] = ("kill", "kill", "kill", "hold", "broker", "database", "rewind", "rebalance", "clock")
"""A process dies; stands still, and is taken for dead or not; a server is away; a group reads everything again; shares change;
a process's clock is wrong for a while."""
PROSPECTS: Final = 2
WORLDS: Final = 997
"""So many different sets of lists: drawing and compiling one costs more than playing it."""
_CLIENTS_S: Final = 1_000.0
_SETTLED_S: Final = 200.0
_PAUSES_S: Final = (0.0, 0.0, 0.02, 0.2, 1.0)
_FAULTS_S: Final = (0.02, 0.1, 0.4, 1.0)
_HELD_S: Final = (0.3, 2.0, 6.0)
_CLOCK_STEPS: Final = (timedelta(minutes=-10), timedelta(minutes=10))
_CLOCK_WRONG_SHARE: Final = 0.05
"""Of what clients say, and of changes by hand: they come by processes that are not played here."""
_FORGOTTEN_SHARE: Final = 0.15
_FORGOTTEN: Final = timedelta(days=8)
_OUTSIDE: Final = ("webhook",)
_Decided = tuple[str, int, str, int]
"""A decision as it is compared: whose, how deep, why nothing fires, how many actions do."""


@dataclass(slots=True)
class Played:
    """What came of a seed: no difference, or sentences. `digest` is of all that was in the logs, for a replay to compare."""

    seed: int
    differences: list[str]
    digest: str
    counts: Counter[str] = field(default_factory=Counter)


def play(seed: int) -> Played:
    """Play a seed to its end. The same seed plays the same."""
    global_random.seed(seed)  # the runtimes' jitter
    with in_memory():
        return run(Schedule(seed).played())


@lru_cache(maxsize=WORLDS)
def _world(number: int) -> tuple[Compiled, Definitions]:
    lists = draw_lists(Random(number))
    compiled = Compiled()
    for (asset, version), actions in lists.items():
        compiled.apply(action_list(asset, KINDS[asset], actions, version, types=TYPES))
    return compiled, Definitions(TYPES, {key: SavedList(actions) for key, actions in lists.items()})


class Schedule:
    """The world of one seed."""

    def __init__(self, seed: int) -> None:
        self._seed, self._random = seed, Random(seed)
        self._compiled, self._definitions = _world(self._random.randrange(WORLDS))
        self._broker, self._store = Broker(self._random), Store(self._random)
        self._executors = sorted(
            {EXECUTOR_OF[action["type"]] for saved in self._definitions.lists.values() for action in saved.actions}
            & set(RECORD_EXECUTORS)
        )
        self._clock, self._listed, self._number = VirtualClock(), 1, 0
        self._logs: dict[str, ProspectLog] = {}
        self._processes: dict[str, Process] = {}
        self._counts: Counter[str] = Counter()

    async def played(self) -> Played:
        """Play it."""
        evaluating = Evaluating(self._broker, self._compiled, self._random)
        executing = Executing(self._broker, self._store, self._executors)
        relaying = Relaying(self._broker, self._store, self._random)
        mains = {
            "evaluator-1": evaluating,
            "evaluator-2": evaluating,
            "executors-1": executing,
            "executors-2": executing,
            "relay-1": relaying,
            "relay-2": relaying,
        }
        self._processes = {name: supervised(name, main, self._random) for name, main in mains.items()}
        try:
            return await self._to_the_end()
        finally:
            for process in self._processes.values():
                await process.end()

    async def _to_the_end(self) -> Played:
        striking = asyncio.ensure_future(self._strike())
        clients = [self._client(each) for each in draw_prospects(self._random, PROSPECTS)]
        differences = []
        try:
            async with asyncio.timeout(_CLIENTS_S):
                await asyncio.gather(*clients, self._edit())
        except TimeoutError:
            differences.append(f"clients wait for ever, {self._under_way()}")
        striking.cancel()
        await asyncio.wait([striking])
        self._heal()
        if problem := await self._settled():
            differences.append(problem)
        differences += self._differences()
        self._counts["deaths"] = sum(len(process.deaths) for process in self._processes.values())
        return Played(self._seed, differences, self._digest(), self._counts)

    # What clients do.

    async def _client(self, prospect_id: str) -> None:
        await self._pause()
        values = {"score": self._random.randrange(9), "fields": {"city": "Bonn"}}
        log = self._logs[prospect_id] = ProspectLog(prospect_id)
        listed, _, recorded = await self._written(prospect_id, record(values))
        log.entries.append(Created(record(values), listed, recorded))
        for _ in range(self._random.randint(1, 4)):
            await self._pause()
            match self._random.randrange(8):
                case 0:
                    await self._change(log)
                case 1:
                    await self._accepted(log, [self._event(address="203.0.113.7") for _ in range(5)])
                case _:
                    events = [self._event(address=None) for _ in range(self._random.choice((1, 1, 2, 4)))]
                    await self._accepted(log, events)
                    if self._random.random() < 0.1:
                        await self._accepted(log, events)
        if self._random.random() < _FORGOTTEN_SHARE:
            await self._come_again(log)

    async def _come_again(self, log: ProspectLog) -> None:
        """Post something a second time when the evaluator has forgotten it, and then something new.

        That is eight days later; or now, behind what another ingest stamped so much ahead: the ledger has not forgotten.
        """
        accepted = [entry for entry in log.entries if isinstance(entry, Accepted)]
        if not accepted:
            return
        later = max(entry.recorded for entry in accepted) + _FORGOTTEN
        if behind := self._random.random() < 0.5:
            await self._accepted(log, [self._event(address=None)], later)
        await until(self._at_rest, 0.3)
        await self._accepted(log, [dict(self._random.choice(accepted).event)], None if behind else later)
        await until(self._at_rest, 0.3)
        await self._accepted(log, [self._event(address=None)], later)
        self._counts["forgotten"] += 1

    def _at_rest(self) -> bool:
        return not (self._store.visible or self._broker.behind())

    def _now(self) -> datetime:
        """Return the time by the clock of a process that is not played here."""
        wrong = self._random.random() < _CLOCK_WRONG_SHARE
        return self._clock.now() + (self._random.choice(_CLOCK_STEPS) if wrong else timedelta())

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.choice(_PAUSES_S))

    def _event(self, address: str | None) -> dict[str, Any]:
        self._number += 1
        asset = self._random.choice(tuple(TYPES_OF))
        return {
            "id": f"event-{self._number}",
            "source": "simulation",
            "type": self._random.choice(TYPES_OF[asset]),
            "subject": asset,
            "time": NOW,
            "data": {} if address is None else {"ip": address},
        }

    async def _accepted(self, log: ProspectLog, events: list[dict[str, Any]], recorded: datetime | None = None) -> None:
        """Post until it is acknowledged. Nobody knows what became of a try that was not."""
        listed, recorded = self._listed, recorded or self._now()
        written = [(log.prospect_id.encode(), self._stamped(log, event, listed, recorded), ()) for event in events]
        partition = partition_of(log.prospect_id)
        while True:
            await self._pause()
            if not self._broker.up:
                continue
            if self._broker.strikes(0.1):
                self._broker.append(topics.INTERACTIONS, partition, written[: self._random.randint(0, len(written))])
                self._counts["unknown"] += 1
                continue
            self._broker.append(topics.INTERACTIONS, partition, written)
            break
        log.entries += [Accepted(event, listed, listed, recorded) for event in events]
        self._counts["interactions"] += len(events)

    @staticmethod
    def _stamped(log: ProspectLog, event: Mapping[str, Any], listed: int, recorded: datetime) -> bytes:
        return interaction(
            log.prospect_id,
            0,
            **event,
            uid=interaction_uid(event["source"], event["id"]),
            actionlistversion=listed,
            prospectlistversion=listed,
            recordedtime=text(recorded),
        )

    async def _change(self, log: ProspectLog) -> None:
        """Change the record by hand, once all before it has taken effect."""
        expected = expect(log, self._definitions)
        awaited = {
            UUID(command.id) for one in expected.interactions for command in one.commands if command.state is not None
        }
        await until(lambda: self._store.settled(awaited), 0.3)
        fields = expected.record["fields"]
        changed: Mapping[str, Any] = self._random.choice(
            (
                {"fields": {**fields, "industry": self._random.choice(("Retail", "Energy"))}},
                {"fields": {**fields, "city": "Cork"}},
                {"score": self._random.randrange(20)},
                {"owner": None},
                {"tags": []},
            )
        )
        values = {**expected.record, **changed}
        listed, version, recorded = await self._written(log.prospect_id, values)
        log.entries.append(Changed(values, version, listed, recorded))
        self._counts["changes"] += 1

    async def _written(self, prospect_id: str, values: Mapping[str, Any]) -> tuple[int, int, datetime]:
        """Write a record as somebody who is no executor, and return once it is in the log: the list in force, the version, when."""
        await until(lambda: self._store.up)
        async with self._store.lock:
            listed, recorded = self._listed, self._now()
            version, place = self._store.write(prospect_id, listed, values, recorded), self._store.written
        await until(lambda: self._store.gone >= place, 0.05)
        return listed, version, recorded

    async def _edit(self) -> None:
        """Put other lists in force at some moment."""
        await asyncio.sleep(self._random.uniform(0.0, 4.0))
        if self._random.random() < 0.7:
            self._listed = 2

    # What goes wrong.

    async def _strike(self) -> None:
        while True:
            await asyncio.sleep(self._random.choice(_FAULTS_S))
            process = self._processes[self._random.choice(tuple(self._processes))]
            fault: Fault = self._random.choice(FAULTS)
            self._counts[fault] += 1
            match fault:
                case "kill":
                    await process.kill()
                    await self._regroup()
                case "hold":
                    process.hold()
                    taken_for_dead = asyncio.ensure_future(self._regroup()) if self._random.random() < 0.7 else None
                    await asyncio.sleep(self._random.choice(_HELD_S))
                    process.release()
                    if taken_for_dead is not None:
                        await taken_for_dead
                case "broker":
                    self._broker.up = False
                    await asyncio.sleep(self._random.choice(_HELD_S))
                    self._broker.up = True
                case "database":
                    self._store.restart()
                    self._store.up = False
                    await asyncio.sleep(self._random.choice(_HELD_S))
                    self._store.up = True
                case "rewind":
                    group = self._broker.groups[topics.executor_group(self._random.choice(self._executors))]
                    group.committed.clear()
                    await group.rebalance()
                case "clock":
                    process.ahead = self._random.choice(_CLOCK_STEPS)
                    await asyncio.sleep(self._random.choice(_HELD_S))
                    process.ahead = timedelta()
                case "rebalance":
                    for _ in range(self._random.choice((1, 2, 3))):  # a lane may come back before its loss was noticed
                        await self._regroup()

    async def _regroup(self) -> None:
        await asyncio.gather(*(group.rebalance() for group in self._broker.groups.values()))

    def _heal(self) -> None:
        self._broker.up = self._store.up = True
        self._broker.faulty = self._store.faulty = False
        for process in self._processes.values():
            process.release()

    async def _settled(self) -> str | None:
        """Return once nothing is under way, or a sentence if it never comes to that."""
        try:
            async with asyncio.timeout(_SETTLED_S):
                quiet = 0
                while quiet < 2:
                    await asyncio.sleep(1.0)
                    await self._regroup_once_empty()
                    quiet = quiet + 1 if self._at_rest() else 0
        except TimeoutError:
            return f"it never came to rest: {self._under_way()}"
        return None

    def _under_way(self) -> str:
        behind = {name: dict(group.committed) for name, group in self._broker.groups.items()}
        return f"{self._store.visible} rows in the outbox, groups at {behind}"

    async def _regroup_once_empty(self) -> None:
        """Let groups whose members are dead or strangers be found anew, as a session's end does."""
        for group in self._broker.groups.values():
            if any(not member.life.alive for member in group.members):
                await group.rebalance()

    # What must be there.

    def _differences(self) -> list[str]:
        told = {prospect_id: expect(log, self._definitions) for prospect_id, log in self._logs.items()}
        return [
            *self._broker.breaches,
            *self._in_records(told),
            *self._in_states(),
            *self._in_decisions(told),
            *self._in_commands(told),
            *self._in_order(),
        ]

    def _in_records(self, told: Mapping[str, Expected]) -> Iterator[str]:
        for prospect_id, one in told.items():
            seen = to_document(self._store.rows[prospect_id].values)
            seen["tags"] = list(seen["tags"])
            for name, wanted in one.record.items():
                if seen[name] != wanted:
                    yield f"record {prospect_id}: {name} is {seen[name]!r}, expected {wanted!r}"
        if self._store.letters:
            yield f"{len(self._store.letters)} dead letters, expected none"

    def _in_states(self) -> Iterator[str]:
        """At rest the evaluator waits for no effect, and judges on the values of the record."""
        for prospect_id, row in self._store.rows.items():
            kept = self._broker.states[partition_of(prospect_id)].get(prospect_id.encode())
            if kept is None:
                yield f"state {prospect_id} is missing"
                continue
            state = decode(kept)
            if state.pending:
                yield f"state {prospect_id}: {len(state.pending)} effects are waited for, expected none"
            elif state.values != row.values:
                yield f"state {prospect_id}: its values are not the record's"

    def _in_decisions(self, told: Mapping[str, Expected]) -> Iterator[str]:
        forms: dict[str, dict[str, bytes]] = defaultdict(dict)
        for each in self._broker.log_of(topics.DECISIONS):
            document = orjson.loads(each.value)
            if forms[document["uid"]].setdefault(document["recordedtime"], each.value) != each.value:
                yield f"decision {document['uid']} has two forms"
        wanted: dict[str, list[_Decided]] = defaultdict(list)
        for owner, story in told.items():
            for one in story.interactions:
                wanted[one.uid].append((owner, one.depth, one.reason or "", len(one.commands)))
        yield from _differences_of_keys("decision", wanted.keys(), forms.keys())
        for uid in wanted.keys() & forms.keys():
            shown, expected = sorted(map(_decided, forms[uid].values())), sorted(wanted[uid])
            if shown != expected:
                yield f"decision {uid} is {shown}, expected {expected}"

    def _in_commands(self, told: Mapping[str, Expected]) -> Iterator[str]:
        sent: dict[str, dict[str, bytes]] = defaultdict(dict)
        for executor in (*RECORD_EXECUTORS, *_OUTSIDE):
            for each in self._broker.log_of(topics.commands(executor)):
                document = orjson.loads(each.value)
                if sent[document["id"]].setdefault(document["recordedtime"], each.value) != each.value:
                    yield f"command {document['id']} has two forms"
        commands = [c for story in told.values() for one in story.interactions for c in one.commands]
        times = Counter(command.id for command in commands)
        yield from _differences_of_keys("command", times.keys(), sent.keys())
        for id_ in times.keys() & sent.keys():
            if len(sent[id_]) != times[id_]:
                yield f"command {id_} was sent in {len(sent[id_])} forms, expected {times[id_]}"
        of_record = {command.id for command in commands if command.state is not None}
        yield from _differences_of_keys("ledger row", of_record, map(str, self._store.ledger))

    def _in_order(self) -> Iterator[str]:
        """Of one prospect the first appearances of commands are in their order, in each topic."""
        for executor in RECORD_EXECUTORS:
            newest: dict[bytes, int] = {}
            seen: set[str] = set()
            for each in self._broker.log_of(topics.commands(executor)):
                document = orjson.loads(each.value)
                if document["id"] in seen:
                    continue
                seen.add(document["id"])
                if document["order"] <= newest.get(each.key, -1):
                    yield f"command {document['id']} of {executor} stands behind a later one"
                newest[each.key] = document["order"]

    def _digest(self) -> str:
        """Return what tells two runs apart."""
        digest = blake2b(digest_size=16)
        for (topic, partition), records in sorted(self._broker.logs.items()):
            digest.update(f"{topic}/{partition}".encode())
            for each in records:
                _feed(digest, each)
        return digest.hexdigest()


def _decided(value: bytes) -> _Decided:
    document = orjson.loads(value)
    fired = len(document.get("fired", ()))
    return document["prospect_id"], document.get("depth", 0), document.get("reason") or "", fired


def _feed(digest: Any, each: Record) -> None:
    digest.update(each.key)
    digest.update(each.value)


def _differences_of_keys(what: str, wanted: Any, seen: Any) -> Iterator[str]:
    wanted, seen = set(wanted), set(seen)
    yield from (f"{what} {key} is missing" for key in sorted(wanted - seen))
    yield from (f"{what} {key} should not be there" for key in sorted(seen - wanted))
