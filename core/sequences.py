"""What one record sets off: the sequence of its interaction, and of all that its commands raise, first in first out.

All criteria of a sequence are judged on the values before its first command; the next sequence sees what the commands of
the ones before it do. Everything is gathered here until the step is whole; the state it began with stays as it is.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from core import decisions
from core.cascade import set_off_by_command
from core.commands import Emitted, OfCause, encode, of_cause, outside
from core.definitions import CompiledAction, CompiledList, Definitions, Frequency, Judged
from core.fold import fold
from core.limits import Limits
from core.parameters import resolve
from core.records import Interaction
from core.spam import address, attempted, is_spam
from core.state import Effect, Fired, State, effect, size
from core.values import Values
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
            pending=state.pending + tuple(self._pending),
            pending_bytes=state.pending_bytes + size(self._pending),
            values=self._values,
            uids=self._remembered(uids),
            windows=self._windows,
            fired={**state.fired, **self._fired} if self._fired else state.fired,
            time_ms=state.time_ms,
            erased=state.erased,
        )

    def _remembered(self, new: list[str]) -> Mapping[str, int]:
        """Return what is not yet forgotten. The oldest stand first, but for changes by a clock that was ahead: while the first
        one counts, all are kept."""
        forgotten_ms = self._now_ms - self._limits.uids_kept_ms
        uids = dict(self._state.uids)
        if next(iter(uids.values()), self._now_ms) <= forgotten_ms:
            uids = {uid: seen_ms for uid, seen_ms in uids.items() if seen_ms > forgotten_ms}
        for uid in new:
            uids[uid] = self._now_ms
        return uids

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
            fired, reasons = self._judge(judged, judged.slots.views(seen, cause.recorded_ms))
            if fired:
                written = of_cause(cause)
                for position in fired:
                    derived += self._fire(actions.actions[position], actions, original, cause, written, after)
            if reasons:
                self.discarded += reasons.values()
        self.decisions.append(decisions.encode(cause, place, fired, derived, reads, reason, reasons))

    def _judge(self, judged: Judged, views: Sequence[Any]) -> tuple[list[int], dict[str, NotFired]]:
        """Return which positions fire, and why others do not where the list and the values do not tell."""
        fired: list[int] = []
        reasons: dict[str, NotFired] = {}
        for position, action, judge in judged.actions:
            if not judge(views):
                continue
            if action.frequency is not None and not self._may_fire_again(action, action.frequency):
                reasons[str(position)] = "frequency"
            elif len(self.commands) + len(fired) >= self._limits.commands_max:
                reasons[str(position)] = "loop"
            else:
                fired.append(position)
        return fired, reasons

    def _past(self, action: CompiledAction) -> Fired | None:
        return self._fired.get(action.counter) or self._state.fired.get(action.counter)

    def _may_fire_again(self, action: CompiledAction, frequency: Frequency) -> bool:
        past = self._past(action)
        return past is None or frequency.allows(past.times, self._now_ms - past.last_ms)

    def _fire(
        self,
        action: CompiledAction,
        actions: CompiledList,
        original: Values,
        cause: Interaction,
        written: OfCause,
        after: dict[str, str],
    ) -> list[str]:
        """Emit one command; return the uids of what its change sets off."""
        identity, place = written.identify(action.id), self._place + len(self.commands)
        params, encoded = action.fixed, action.encoded
        if params is None:
            params = resolve(action.type, action.params, actions.types, actions.disabled_users, original, cause)
            encoded = orjson.dumps(params)
        rest = b"" if action.record else outside(cause, after, action.delay_s, action.run_at)
        value = encode(identity, action.form, written, encoded, place, rest)
        self.commands.append(Emitted(action.executor, value))
        if action.frequency is not None:
            past = self._past(action)
            self._fired[action.counter] = Fired(past.times + 1 if past else 1, self._now_ms)
        if not action.record:
            return []
        before, self._values = self._values, fold(self._values, action.type, params)
        self._pending.append(effect(place, action.executor, action.type, params, len(value), encoded))
        after[identity] = action.on_failure
        if self._values is before:
            return []
        record_list = self._definitions.list(PROSPECT_ASSET_ID, cause.prospect_version)
        derived = set_off_by_command(identity, before, self._values, cause, record_list)
        self._queue.extend((interaction, {identity: action.on_failure}) for interaction in derived)
        return [interaction.uid for interaction in derived]
