"""One step of the machine: (state, record, definitions) -> (state', decisions, commands).

A prospect's log holds interactions and snapshots of the record, in their true order. An interaction is judged on the
values so far, which are the last snapshot with the effects commanded since folded in; what its commands change raises
further interactions of the asset `prospect`, first in first out, in the same step. Nothing is changed in place: a record
that is refused, or waits for a definition, leaves no trace.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from core.cascade import set_off_by_others
from core.commands import Emitted, order
from core.definitions import Definitions
from core.limits import DEFAULT, Limits
from core.records import ANONYMOUS, Interaction, Refused, Snapshot, decode
from core.sequences import Sequences
from core.state import EMPTY, State, folded, size, uncovered
from schemas.outcomes import NotFired
from schemas.triggers import PROSPECT_ASSET_ID

Outcome = Literal["decided", "duplicate", "snapshot"] | NotFired
"""For the metrics: what kind of record it was, or why the whole sequence was discarded."""


class Step(Struct, frozen=True, gc=False):
    """What a record led to. `state` None: nothing is remembered of the key. `refused`: the snapshot counts, but what it
    would have set off is a dead letter. `discarded`: why sequences and actions did not fire that were not just untrue."""

    state: State | None
    outcome: Outcome
    commands: tuple[Emitted, ...] = ()
    decisions: tuple[bytes, ...] = ()
    discarded: tuple[NotFired, ...] = ()
    refused: Refused | None = None


def step(
    state: State | None,
    key: bytes | None,
    value: bytes | None,
    offset: int,
    definitions: Definitions,
    epoch: int = 0,
    limits: Limits = DEFAULT,
    *,
    replayed: bool = False,
) -> Step:
    """Carry out one record of the log.

    `state` is the key's (None: never seen), `offset` the record's; `replayed`: it was refused, and somebody wants it tried
    again. Raises Refused when the record must end as a dead letter, VersionUnknown when it cites a list version that
    `definitions` does not hold yet; both leave the state as it is.
    """
    before = state or EMPTY
    try:
        return _step(before, key, value, order(epoch, offset, 0), definitions, limits, replayed=replayed)
    except Refused as refused:
        refused.withheld = before.erased
        raise


def _step(
    state: State,
    key: bytes | None,
    value: bytes | None,
    base: int,
    definitions: Definitions,
    limits: Limits,
    *,
    replayed: bool,
) -> Step:
    record = decode(value)
    if key is None or key != record.prospect_id.encode():
        raise Refused("malformed", "the key is not the record's prospectid")
    if isinstance(record, Snapshot):
        return _snapshot(state, record, base, definitions, limits, len(value or b""), replayed=replayed)
    return _interaction(state, record, base, definitions, limits)


def _snapshot(
    state: State,
    snapshot: Snapshot,
    base: int,
    definitions: Definitions,
    limits: Limits,
    size_bytes: int,
    *,
    replayed: bool,
) -> Step:
    if snapshot.erased:
        return Step(State(erased=True, time_ms=state.time_ms, uids=state.uids), "snapshot")
    if state.erased:
        return Step(state, "snapshot")
    if snapshot.version <= state.version and not replayed:
        return Step(state, "snapshot")  # first appearances are in the order of versions: this is a repeat, however old
    if snapshot.version > state.version:
        marks = {name: max(mark, state.marks.get(name, 0)) for name, mark in snapshot.marks.items()}
        pending = uncovered(state.pending, marks)
        state = replace(
            state,
            version=snapshot.version,
            base_bytes=size_bytes,
            marks=marks,
            pending=pending,
            pending_bytes=size(pending),
            values=folded(snapshot.values, pending),
        )
    if not snapshot.raises:
        return Step(state, "snapshot")
    changes = set_off_by_others(snapshot, definitions.list(PROSPECT_ASSET_ID, snapshot.prospect_version))
    causes = [cause for cause in changes if not replayed or cause.uid not in state.uids]
    if not causes:
        return Step(state, "snapshot")
    changed_ms = max(state.time_ms, snapshot.recorded_ms)
    try:
        _admit(state, changed_ms, limits)
        return _carried_out(Sequences(state, changed_ms, base, definitions, limits), causes, "snapshot", limits)
    except Refused as refused:
        return Step(state, "snapshot", refused=refused)


def _interaction(state: State, interaction: Interaction, base: int, definitions: Definitions, limits: Limits) -> Step:
    now_ms = max(state.time_ms, interaction.recorded_ms)
    seen_ms = state.uids.get(interaction.uid)
    if seen_ms is not None and seen_ms > now_ms - limits.uids_kept_ms:
        return Step(state, "duplicate")
    reason: NotFired | None = None
    if interaction.prospect_id.startswith(ANONYMOUS):
        return _anonymous(interaction, now_ms, base, definitions, limits)
    if state.erased:
        reason = "erased"
    elif state.version == 0:
        raise Refused("unknown_prospect", "no snapshot of this prospect is in the log", uid=interaction.uid)
    _admit(state, now_ms, limits, interaction.uid)
    sequences = Sequences(replace(state, time_ms=now_ms), now_ms, base, definitions, limits)
    if reason is None and sequences.is_spam(interaction):
        reason = "spam"
    return _carried_out(sequences, [interaction], reason or "decided", limits, reason)


def _anonymous(interaction: Interaction, now_ms: int, base: int, definitions: Definitions, limits: Limits) -> Step:
    """Decide without remembering: visitors are many, fire nothing, and a repeat is decided alike."""
    sequences = Sequences(EMPTY, now_ms, base, definitions, limits)
    sequences.carry_out([interaction], "anonymous")
    return Step(None, "anonymous", decisions=tuple(sequences.decisions), discarded=tuple(sequences.discarded))


def _carried_out(
    sequences: Sequences,
    causes: Iterable[Interaction],
    outcome: Outcome,
    limits: Limits,
    reason: NotFired | None = None,
) -> Step:
    roots = list(causes)
    state = sequences.carry_out(roots, reason)
    if state.size_bytes > limits.state_after_max_bytes:
        uid = roots[0].uid if len(roots) == 1 else None
        raise Refused(
            "oversize", f"what it sets off makes a state of over {limits.state_after_max_bytes} bytes", uid=uid
        )
    return Step(state, outcome, tuple(sequences.commands), tuple(sequences.decisions), tuple(sequences.discarded))


def _admit(state: State, now_ms: int, limits: Limits, uid: str | None = None) -> None:
    forgotten_ms = now_ms - limits.uids_kept_ms
    if (
        len(state.uids) >= limits.uids_max
        and sum(seen > forgotten_ms for seen in state.uids.values()) >= limits.uids_max
    ):
        raise Refused("backlog", f"{limits.uids_max} interactions in {limits.uids_kept_ms} ms", uid=uid)
    if len(state.pending) >= limits.pending_max:
        raise Refused("backlog", f"{limits.pending_max} effects wait for their executors", uid=uid)
    if state.size_bytes >= limits.state_max_bytes:
        raise Refused("backlog", f"the prospect's state exceeds {limits.state_max_bytes} bytes", uid=uid)
