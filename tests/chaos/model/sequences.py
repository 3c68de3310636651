"""One interaction and all that it sets off, the prospect's memory carried from one to the next.

All criteria of one list see the values before its first action; what its commands change may raise record triggers, each
of which becomes an interaction of its own after it, first in first out, on the values then. Past depth 5 an interaction is
discarded as a loop, past 200 commands an action is.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.model.effects import Impossible, changes_elsewhere, effect
from tests.chaos.model.expectation import ExpectedCommand, ExpectedInteraction
from tests.chaos.model.frequency import Firings
from tests.chaos.model.identity import cascade_uid, command_id
from tests.chaos.model.log import Definitions, Record, SavedList
from tests.chaos.model.params import resolved
from tests.chaos.model.spam import SpamWindow
from tests.chaos.model.triggers import Change, raised
from tests.support.criteria_interpreter import judge

DEPTH_MAX = 5
COMMANDS_MAX = 200
MEMORY = timedelta(days=7)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
RECORD_ACTIONS = (
    "add_tags",
    "remove_tags",
    "adjust_score",
    "assign_owner",
    "change_field_value",
    "add_to_list",
    "remove_from_list",
    "convert_to_lead",
)


@dataclass(slots=True)
class Happening:
    """An interaction about to be judged. `event` is its envelope with `uid`, `prospect_id` and `recorded`."""

    event: dict[str, Any]
    version: int
    prospect_list_version: int
    depth: int = 0
    change: Change | None = None

    @property
    def trigger(self) -> str:
        """Return the bare trigger."""
        return str(self.event["type"]).rpartition(".")[2]


@dataclass(slots=True)
class Memory:
    """What is known of one prospect between two interactions."""

    record: Record
    """As an interaction is judged on it."""
    kept: Record
    """As it is: a command that comes again takes effect only if its interaction was accepted 7 days later than the one before."""
    ended: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """When the interaction of each command was accepted that took effect, and how it ended."""
    seen: dict[str, datetime] = field(default_factory=dict)
    spam: SpamWindow = field(default_factory=SpamWindow)
    firings: Firings = field(default_factory=Firings)
    now: datetime = _BEGINNING
    """What windows are measured by: the time that ingest stamps, to the millisecond, which never goes back."""

    def write(self, record: Record) -> None:
        """Let this be the record."""
        self.record = self.kept = record

    def reach(self, recorded: datetime) -> None:
        """Come to an interaction."""
        self.now = max(self.now, recorded.replace(microsecond=recorded.microsecond // 1000 * 1000))

    @contextmanager
    def change(self, recorded: datetime) -> Iterator[None]:
        """Be at a change by hand, whose time is that of another clock: it counts for what the change sets off, and no longer."""
        before = self.now
        self.reach(recorded)
        yield
        self.now = before

    def repeats(self, uid: str, recorded: datetime) -> bool:
        """Come to an interaction and say whether it was there in the last 7 days: then it changes nothing, time included."""
        before = self.now
        self.reach(recorded)
        if uid in self.seen and self.now - self.seen[uid] < MEMORY:
            self.now = before
            return True
        self.seen[uid] = self.now
        return False


def discarded(happening: Happening, saved: SavedList, reason: str) -> ExpectedInteraction:
    """Tell of an interaction that fires nothing at all: each action that had a part in it says why."""
    not_fired = {action["id"]: _irrelevant(action, happening.trigger) or reason for action in saved.actions}
    return ExpectedInteraction(**_identity(happening), reason=reason, not_fired=not_fired)


def play(happenings: Iterable[Happening], memory: Memory, definitions: Definitions) -> list[ExpectedInteraction]:
    """Carry out what one entry of the log sets off, cascades included."""
    return _Sequence(memory, definitions).play(happenings)


class _Sequence:
    def __init__(self, memory: Memory, definitions: Definitions) -> None:
        self.memory, self.definitions = memory, definitions
        self.commands = 0
        self.waiting: deque[Happening] = deque()

    def play(self, happenings: Iterable[Happening]) -> list[ExpectedInteraction]:
        self.waiting.extend(happenings)
        played = []
        while self.waiting:
            played.append(self._one(self.waiting.popleft()))
        return played

    def _one(self, happening: Happening) -> ExpectedInteraction:
        event, saved = happening.event, self.definitions.at(happening.event["subject"], happening.version)
        reason = self._discarded_because(happening)
        if reason is not None:
            return discarded(happening, saved, reason)
        not_fired = self._not_fired(happening, saved)
        original, commands, derived = self.memory.record, [], []
        for action in saved.actions:
            if action["id"] not in not_fired:
                params = resolved(action, original, event, self.definitions.types, saved.disabled_users)
                command, raised_now = self._carry_out(happening, action, params)
                commands.append(command)
                derived += raised_now
        self.waiting.extend(derived)
        return ExpectedInteraction(
            **_identity(happening),
            commands=tuple(commands),
            not_fired=not_fired,
            derived=tuple(after.event["uid"] for after in derived),
        )

    def _discarded_because(self, happening: Happening) -> str | None:
        if happening.depth > DEPTH_MAX:
            return "loop"
        return "spam" if self.memory.spam.discards(happening.event, self.memory.now) else None

    def _not_fired(self, happening: Happening, saved: SavedList) -> dict[str, str]:
        """Judge every action of the list on the values before the first."""
        reasons: dict[str, str] = {}
        for action in saved.actions:
            reason = self._why_not(happening, action)
            if reason is not None:
                reasons[action["id"]] = reason
            else:
                self.commands += 1
                self.memory.firings.note(happening.event["subject"], action, self.memory.now)
        return reasons

    def _why_not(self, happening: Happening, action: Mapping[str, Any]) -> str | None:
        if irrelevant := _irrelevant(action, happening.trigger):
            return irrelevant
        criteria = action.get("criteria")
        if criteria and not judge(criteria, dict(self.definitions.types), _world(happening, self.memory.record)):
            return "criteria"
        if not self.memory.firings.allows(happening.event["subject"], action, self.memory.now):
            return "frequency"
        return "loop" if self.commands >= COMMANDS_MAX else None

    def _carry_out(
        self, happening: Happening, action: Mapping[str, Any], params: dict[str, Any]
    ) -> tuple[ExpectedCommand, list[Happening]]:
        command, kind = command_id(happening.event["uid"], action["id"]), action["type"]
        if kind not in RECORD_ACTIONS:
            return ExpectedCommand(command, action["id"], kind, None), []
        before = self.memory.record
        try:
            after = effect(kind, params, before)
        except Impossible:
            return ExpectedCommand(command, action["id"], kind, "dead"), []
        changed = after != before
        state = "done" if changed or changes_elsewhere(kind, params, before) else "no_change"
        recorded, ended = happening.event["recorded"], self.memory.ended.get(command)
        if ended is None or recorded - ended[0] >= MEMORY:
            self.memory.kept = after if self.memory.kept is before else effect(kind, params, self.memory.kept)
            self.memory.ended[command] = (recorded, state)
        else:
            state = ended[1]
        self.memory.record = after
        return ExpectedCommand(command, action["id"], kind, state), self._raised(happening, command, before, after)

    def _raised(self, happening: Happening, command: str, before: Record, after: Record) -> list[Happening]:
        version, depth = happening.prospect_list_version, happening.depth + 1
        watched = {action["trigger"] for action in self.definitions.at("prospect", version).actions}
        return [
            Happening(
                {
                    **happening.event,
                    "uid": cascade_uid(command, trigger),
                    "type": f"prospect.{trigger}",
                    "subject": "prospect",
                    "data": {},
                },
                version,
                version,
                depth,
                change,
            )
            for trigger, change in raised(before, after, "executor", depth)
            if trigger in watched
        ]


def _irrelevant(action: Mapping[str, Any], trigger: str) -> str | None:
    """Say why an action has no part in it, whatever happens to the interaction."""
    if action["trigger"] != trigger:
        return "trigger"
    return None if action.get("enabled", True) else "disabled"


def _identity(happening: Happening) -> dict[str, Any]:
    event = happening.event
    return {
        "uid": event["uid"],
        "type": event["type"],
        "asset_id": event["subject"],
        "version": happening.version,
        "depth": happening.depth,
    }


def _world(happening: Happening, record: Record) -> dict[str, Any]:
    event = happening.event
    recorded_ms = int(event["recorded"].timestamp() * 1000)
    return {"original": record, "event": {**event, "recorded_ms": recorded_ms, "change": happening.change}}
