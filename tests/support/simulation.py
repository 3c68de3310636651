"""A world of one log in memory: the real machine, executors that act on rows, crashes and repeats, in any order.

The rows change by `fold`, whose equality with the database's SQL is shown in tests/integration/executors.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from core import state as states
from core.definitions import Definitions
from core.fold import fold
from core.state import State
from core.step import Step, step
from core.values import Values, to_document
from schemas.identity import interaction_uid
from schemas.topics import RECORD_EXECUTORS

NOW = "2026-11-23T10:00:00.000000Z"


def interaction(prospect_id: str, number: int, *, asset: str = "link", version: int = 1, **changes: Any) -> bytes:
    """Write a click as ingest stamps it."""
    document = {
        "specversion": "1.0",
        "dataschema": "urn:finish:interaction:1",
        "id": f"event-{number}",
        "source": "simulation",
        "type": "redirect_link.clicked",
        "subject": asset,
        "time": NOW,
        "uid": interaction_uid("simulation", f"event-{number}"),
        "prospectid": prospect_id,
        "actionlistversion": version,
        "prospectlistversion": 1,
        "recordedtime": NOW,
        "data": {},
    }
    return orjson.dumps(document | changes)


def action_list(
    asset_id: str, kind: str, actions: Iterable[Mapping[str, Any]], version: int = 1, **more: Any
) -> dict[str, Any]:
    """Write a version of a list as the console publishes it."""
    return {
        "schema": 1,
        "record": "action_list",
        "asset_id": asset_id,
        "asset_kind": kind,
        "version": version,
        "actions": [{"name": action["id"], "trigger": "clicked", **action} for action in actions],
        "types": {},
        "disabled_users": [],
        "savedtime": NOW,
        **more,
    }


class Row:
    """One prospect in the database: values, marks, version; every write appends its snapshot to the log."""

    def __init__(self, prospect_id: str, log: list[tuple[str, bytes]]) -> None:
        self.id, self.log = prospect_id, log
        self.values, self.version, self.listed = Values(), 0, 1
        self.marks = dict.fromkeys(RECORD_EXECUTORS, 0)
        self.ledger: set[str] = set()
        self.recorded = NOW
        """By the clock of whoever writes."""

    def write(self, values: Values, change: dict[str, Any] | None = None) -> None:
        """Commit `values` as the next version."""
        self.values, self.version = values, self.version + 1
        self.log.append((self.id, self.snapshot(change)))

    def snapshot(self, change: dict[str, Any] | None = None) -> bytes:
        """Write what the record's trigger writes."""
        data = {
            "version": self.version,
            "writer": "api" if change else "executor",
            "values": to_document(self.values),
            "marks": dict(self.marks),
            "change": change,
            "erased": False,
        }
        document = {
            "specversion": "1.0",
            "dataschema": "urn:finish:snapshot:1",
            "id": f"{self.id}/{self.version}",
            "source": "/prospects",
            "type": "prospect.snapshot",
            "subject": self.id,
            "time": self.recorded,
            "prospectid": self.id,
            "prospectlistversion": self.listed,
            "recordedtime": self.recorded,
            "data": data,
        }
        return orjson.dumps(document)

    def change(self, values: Values, by: str = "api") -> None:
        """Write as somebody who is no executor does."""
        before = to_document(self.values) if self.version else None
        self.write(values, {"before": before, "by": by, "depth": 0, "causedby": None})

    def carry_out(self, commands: Iterable[Mapping[str, Any]], executor: str) -> None:
        """Act on a batch as an executor does: drop what the ledger has, apply, move the mark, one write."""
        new = {command["id"]: command for command in commands if command["id"] not in self.ledger}
        self.ledger |= new.keys()
        values = self.values
        for command in new.values():
            values = fold(values, command["type"], command["params"])
            self.marks[executor] = max(self.marks[executor], command["order"])
        if new:
            self.write(values)


class World:
    """The log, the evaluator with its checkpoint, and the executors' queues."""

    def __init__(self, lists: Iterable[Mapping[str, Any]]) -> None:
        self.definitions = Definitions()
        for document in lists:
            self.definitions.apply(document)
        self.log: list[tuple[str, bytes]] = []
        self.rows: dict[str, Row] = {}
        self.listed = 1
        self.states: dict[str, State] = {}
        self.position = 0
        self.saved: tuple[dict[str, bytes], int] = ({}, 0)
        self.queues: dict[str, list[dict[str, Any]]] = {}
        self.consumed: dict[str, int] = {}
        self.emitted: dict[str, bytes] = {}
        self.decisions: dict[str, bytes] = {}

    def create(self, prospect_id: str, values: Values | None = None) -> Row:
        """Add a prospect."""
        row = self.rows[prospect_id] = Row(prospect_id, self.log)
        row.change(values or Values())
        return row

    def accept(self, prospect_id: str, number: int, **changes: Any) -> None:
        """Append an interaction, stamped with the lists in force."""
        stamps = {"version": self.listed, "prospectlistversion": self.listed}
        self.log.append((prospect_id, interaction(prospect_id, number, **stamps | changes)))

    def edit(self) -> None:
        """Put version 2 of the lists in force: for what is accepted, or written by hand, from now on."""
        self.listed = 2
        for row in self.rows.values():
            row.listed = 2

    def evaluate(self, count: int = 1_000_000) -> list[Step]:
        """Take up to `count` records of the log; a repeated command must be byte-equal."""
        steps = []
        for offset in range(self.position, min(self.position + count, len(self.log))):
            prospect_id, value = self.log[offset]
            result = step(self.states.get(prospect_id), prospect_id.encode(), value, offset, self.definitions)
            if result.state is not None:
                self.states[prospect_id] = result.state
            self.position = offset + 1
            steps.append(result)
            for command in result.commands:
                document = orjson.loads(command.value)
                assert self.emitted.setdefault(document["id"], command.value) == command.value
                self.queues.setdefault(command.executor, []).append(document)
            for decision in result.decisions:
                document = orjson.loads(decision)
                assert self.decisions.setdefault(document["uid"], decision) == decision
        return steps

    def checkpoint(self) -> None:
        """Keep the states, encoded, with the position."""
        self.saved = ({key: states.encode(state) for key, state in self.states.items()}, self.position)

    def crash(self) -> None:
        """Lose what came after the checkpoint."""
        encoded, self.position = self.saved
        self.states = {key: states.decode(value) for key, value in encoded.items()}

    def carry_out(self, executor: str, count: int = 1_000_000) -> None:
        """Let an executor take up to `count` commands from its queue."""
        queue, start = self.queues.get(executor, []), self.consumed.get(executor, 0)
        batch = queue[start : start + count]
        for prospect_id, row in self.rows.items():
            row.carry_out([command for command in batch if command["prospect_id"] == prospect_id], executor)
        self.consumed[executor] = start + len(batch)

    def rewind(self, executor: str) -> None:
        """Deliver the executor's whole queue again."""
        self.consumed[executor] = 0

    def settle(self) -> None:
        """Run until nothing is left to do."""
        while True:
            before = len(self.log), {name: len(queue) for name, queue in self.queues.items()}, dict(self.consumed)
            self.evaluate()
            for executor in RECORD_EXECUTORS:
                self.carry_out(executor)
            if before == (len(self.log), {name: len(queue) for name, queue in self.queues.items()}, self.consumed):
                return
