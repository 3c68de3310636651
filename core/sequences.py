"""What one record sets off: the sequence of its interaction, and of all that its commands raise, first in first out.

All criteria of a sequence are judged on the values before its first command; the next sequence sees what the commands of
the ones before it do. Everything is gathered here until the step is whole; the state it began with stays as it is.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core import decisions
from core.cascade import set_off_by_command
from core.commands import Emitted, encode, resolve
from core.definitions import CompiledAction, CompiledList, Definitions, Frequency, Judged
from core.fold import fold
from core.limits import Limits
from core.records import Interaction
from core.spam import address, attempted, is_spam
from core.state import Effect, Fired, State, effect, size
from core.values import Values
from schemas.identity import command_id
from schemas.interactions import FORM_SOURCE
from schemas.outcomes import NotFired
from schemas.triggers import PROSPECT_ASSET_ID, SPAM_ACROSS_ASSETS_TYPES, SPAM_EXEMPT_TYPES


class Sequences:
    """The sequences of one step. `place` is the order of the step's first command."""

    def __init__(self, state: State, now_ms: int, place: int, definitions: Definitions, limits: Limits) -> None:
        self.commands: list[Emitted] = []
        self.decisions: list[bytes] = []
        self.discarded: list[NotFired] = []
        self._state, self._now_ms, self._place = state, now_ms, place
        self._definitions, self._limits = definitions, limits
        self._values = state.values
        self._pending: list[Effect] = []
        self._fired: dict[str, Fired] = {}
        self._windows: Mapping[str, tuple[int, ...]] = state.windows
        self._queue: deque[tuple[Interaction, dict[str, str]]] = deque()

    def is_spam(self, interaction: Interaction) -> bool:
        """Count the attempt, and say whether it is one too many. Without a client address nothing is counted."""
        ip = interaction.data.get("ip")
        if interaction.type in SPAM_EXEMPT_TYPES or not isinstance(ip, str) or not ip:
            return False
        if interaction.type in SPAM_ACROSS_ASSETS_TYPES and interaction.source.startswith(FORM_SOURCE):
            return False
        opened_ms = self._now_ms - self._limits.spam_window_ms
        windows = {name: times for name, times in self._windows.items() if times[-1] > opened_ms}
        asset = "" if interaction.type in SPAM_ACROSS_ASSETS_TYPES else interaction.subject
        name = f"{asset}/{interaction.type}/{address(ip)}"
        times = windows.get(name, ())
        windows[name] = attempted(times, self._now_ms, self._limits)
        self._windows = windows
        return is_spam(times, self._now_ms, self._limits)

    def carry_out(self, causes: Iterable[Interaction], reason: NotFired | None = None) -> State:
        """Run the sequences of `causes` and of all that they set off; return the state after them.

        With a `reason` nothing fires: each decision says why.
        """
        roots = list(causes)
        for cause in roots:
            self._queue.append((cause, {}))
        while self._queue:
            cause, after = self._queue.popleft()
            self._run(cause, after, "loop" if cause.depth > self._limits.depth_max else reason)
        return self._after([cause.uid for cause in roots])

    def _after(self, uids: list[str]) -> State:
        state = self._state
        return State(
            version=state.version,
            base_bytes=state.base_bytes,
            marks=state.marks,
            pending=(*state.pending, *self._pending),
            pending_bytes=state.pending_bytes + size(self._pending),
            values=self._values,
            uids={**self._remembered(), **dict.fromkeys(uids, self._now_ms)},
            windows=self._windows,
            fired={**state.fired, **self._fired} if self._fired else state.fired,
            time_ms=self._now_ms,
            erased=state.erased,
        )

    def _remembered(self) -> Mapping[str, int]:
        """Return what is not yet forgotten. The oldest stand first: while the first one counts, all do."""
        forgotten_ms = self._now_ms - self._limits.uids_kept_ms
        uids = self._state.uids
        if next(iter(uids.values()), self._now_ms) > forgotten_ms:
            return uids
        return {uid: seen_ms for uid, seen_ms in uids.items() if seen_ms > forgotten_ms}

    def _run(self, cause: Interaction, after: dict[str, str], reason: NotFired | None) -> None:
        """Judge and fire one list. `after` names the commands that its outside actions wait for."""
        actions = self._definitions.list(cause.subject, cause.version)
        original, place = self._values, self._place + len(self.commands)
        fired: list[int] = []
        derived: list[str] = []
        reads: dict[str, Any] = {}
        reasons: dict[str, NotFired] = {}
        if reason is not None:
            self.discarded.append(reason)
        elif (judged := actions.judged.get(cause.trigger)) is not None:
            seen = judged.slots.seen(original, cause)
            reads = {path: value for path, value in zip(judged.slots.paths, seen, strict=True) if value is not None}
            fired, reasons = self._judge(actions, judged, judged.slots.views(seen, cause.recorded_ms))
            for position in fired:
                derived += self._fire(actions.actions[position], actions, original, cause, after)
            self.discarded += reasons.values()
        self.decisions.append(decisions.encode(cause, place, fired, derived, reads, reason, reasons))

    def _judge(
        self, actions: CompiledList, judged: Judged, views: Sequence[Any]
    ) -> tuple[list[int], dict[str, NotFired]]:
        """Return which positions fire, and why others do not where the list and the values do not tell."""
        fired: list[int] = []
        reasons: dict[str, NotFired] = {}
        for position, action in judged.actions:
            if not action.criteria.judge(views):
                continue
            if action.frequency is not None and not self._may_fire_again(actions, action, action.frequency):
                reasons[str(position)] = "frequency"
            elif len(self.commands) + len(fired) >= self._limits.commands_max:
                reasons[str(position)] = "loop"
            else:
                fired.append(position)
        return fired, reasons

    def _past(self, actions: CompiledList, action: CompiledAction) -> Fired | None:
        name = _counter(actions, action)
        return self._fired.get(name) or self._state.fired.get(name)

    def _may_fire_again(self, actions: CompiledList, action: CompiledAction, frequency: Frequency) -> bool:
        past = self._past(actions, action)
        return past is None or frequency.allows(past.times, self._now_ms - past.last_ms)

    def _fire(
        self,
        action: CompiledAction,
        actions: CompiledList,
        original: Values,
        cause: Interaction,
        after: dict[str, str],
    ) -> list[str]:
        """Emit one command; return the uids of what its change sets off."""
        identity, place = command_id(cause.uid, action.id), self._place + len(self.commands)
        params = resolve(action, actions, original, cause)
        value = encode(identity, action, actions, cause, params, place, after)
        self.commands.append(Emitted(action.executor, value))
        if action.frequency is not None:
            past = self._past(actions, action)
            self._fired[_counter(actions, action)] = Fired(past.times + 1 if past else 1, self._now_ms)
        if not action.record:
            return []
        before, self._values = self._values, fold(self._values, action.type, params)
        self._pending.append(effect(place, action.executor, action.type, params, len(value)))
        after[identity] = action.on_failure
        if self._values is before:
            return []
        record_list = self._definitions.list(PROSPECT_ASSET_ID, cause.prospect_version)
        derived = set_off_by_command(identity, before, self._values, cause, record_list)
        self._queue.extend((interaction, {identity: action.on_failure}) for interaction in derived)
        return [interaction.uid for interaction in derived]


def _counter(actions: CompiledList, action: CompiledAction) -> str:
    """Name what a frequency counts: ids of actions are unique within their asset's list only."""
    return f"{actions.asset_id}/{action.id}"
