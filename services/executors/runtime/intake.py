"""Outside commands on their way in: one transaction over a batch keeps each in the ledger, as waiting, and as a delivery.

The steps and their order are those of `settlement`, with nothing carried out. A replay's dead letter stays until the delivery
ends: a worker needs it, and one that is read twice finds its command waiting already.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.executors.executor import Executor, RecordAction
from services.executors.ports import Delivery, IntakeTransaction, Outcome
from services.executors.runtime.entries import AnyEntry, Entry
from services.executors.runtime.taking import Settled, letters_of, refused, replayable, sorted_out


async def take_in(executor: Executor, batch: Sequence[AnyEntry], tx: IntakeTransaction) -> Settled:
    """Take every entry of the batch in within the transaction."""
    batch, stale, _ = await replayable(batch, tx)
    entries = [entry for entry in batch if isinstance(entry, Entry)]
    fresh, repeats, conflicts = await sorted_out(entries, tx)
    concerned = {entry.command.prospect_id for entry in fresh}
    existing = await tx.lock(concerned) if concerned else set()
    erased = await tx.erased(absent) if (absent := concerned - existing) else set()
    outcomes = refused(fresh, existing, erased)
    taken = [entry for entry in fresh if entry.command.id not in outcomes]
    if taken:
        await tx.deliver([_delivery(executor, entry) for entry in taken])
    if outcomes:
        await tx.end(outcomes)
    ended = [entry for entry in fresh if entry.command.id in outcomes]
    letters = letters_of(batch, ended, conflicts, outcomes)
    if letters:
        await tx.bury(letters)
    replays = _replays(ended, outcomes)
    if over := {letter_id for letter_id, end in replays.items() if end != "dead"}:
        await tx.forget(over)
    settled = [(entry, outcomes[entry.command.id]) for entry in ended]
    return Settled(settled, letters, len(repeats) + stale, replays)


def _replays(ended: Sequence[Entry], outcomes: Mapping[UUID, Outcome]) -> dict[UUID, str]:
    return {
        entry.record.replay_of: outcomes[entry.command.id].state
        for entry in ended
        if entry.record.replay_of is not None
    }


def _delivery(executor: Executor, entry: Entry) -> Delivery:
    action = executor.actions[entry.command.type]
    if isinstance(action, RecordAction):
        raise TypeError(f"{action.type} reaches nobody outside")
    record = entry.record
    return Delivery(
        command=entry.command,
        destination=action.destination(entry.command.params),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value or b"",
        replay_of=record.replay_of,
    )
