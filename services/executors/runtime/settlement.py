"""One transaction over a batch: effects, marks, ledger rows and dead letters, all or none.

The order of the steps is the guarantee:

1. `asked`: of a replay, the dead letter is locked; it is the right to carry it out. One that was deleted, or whose replay
   has ended, gives none, so a replay that comes twice has no second effect.
2. `claim`: what is in the ledger already is dropped by its id before anything looks at its order, because repeats may
   arrive late; `revive` takes dead commands again that are replayed. A transaction that holds the same ids is waited for.
3. `lock`: rows in the order of their ids, so that batches of several processes queue up behind each other. An erasure
   queues up, too: a command's effect is either before it, and erased with the record, or the command is suppressed.
4. rounds: the k-th new command of each prospect, so that one statement serves many prospects and each keeps its order. A
   replay acts on the record as it is now; its snapshot is an executor's, so it raises no triggers.
5. `bury` and `forget`: what is dead is a dead letter, a replay the same one again with one attempt more; what is done ends it.
6. `release`: deliveries that wait for a command go on, in the transaction that ends it; behind a dead one they are held.
7. `mark`: every settled command is covered, whatever its outcome. A repeat too: an interaction that is sent again after its
   uid was forgotten has the same command id at a new place in the log, and the evaluator waits for that place.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from schemas.commands.command import Command
from services.executors.core.rounds import rounds
from services.executors.ports import DeadLetter, Effect, Outcome, RecordTransaction
from services.executors.runtime.entries import AnyEntry, Entry
from services.executors.runtime.taking import Settled, letters_of, refused, replayable, sorted_out


async def settle(batch: Sequence[AnyEntry], tx: RecordTransaction) -> Settled:
    """Settle every entry of the batch within the transaction."""
    batch, stale, asked = await replayable(batch, tx)
    entries = [entry for entry in batch if isinstance(entry, Entry)]
    fresh, repeats, conflicts = await sorted_out(entries, tx)
    concerned = {entry.command.prospect_id for entry in entries}
    existing = await tx.lock(concerned) if concerned else set()
    erased = await tx.erased(absent) if (absent := concerned - existing) else set()
    outcomes = refused(fresh, existing, erased)
    outcomes |= await _carried_out([entry for entry in fresh if entry.command.id not in outcomes], tx)

    if ended := {command_id: outcome for command_id, outcome in outcomes.items() if outcome.state != "done"}:
        await tx.end(ended)
    letters = letters_of(batch, fresh, conflicts, outcomes)
    if letters:
        await tx.bury(letters)
    replays = _replays(asked, fresh, outcomes, letters)
    if over := {letter_id for letter_id, end in replays.items() if end != "dead"}:
        await tx.forget(over)
    done = [entry.command for entry in fresh if outcomes[entry.command.id].state == "done"]
    others = [entry.command for entry in entries if entry.command.prospect_id in existing]
    if uncovered := _uncovered(others, _newest(done)):
        await tx.mark(uncovered)
    if fresh:
        await tx.release({entry.command.id: outcomes[entry.command.id].state == "dead" for entry in fresh})
    settled = [(entry, outcomes[entry.command.id]) for entry in fresh]
    return Settled(settled, letters, len(repeats) + stale, replays)


def _replays(
    asked: Iterable[UUID], fresh: Iterable[Entry], outcomes: Mapping[UUID, Outcome], letters: Iterable[DeadLetter]
) -> dict[UUID, str]:
    """Return how each replay ended."""
    ends = dict.fromkeys(asked, "repeat")
    for entry in fresh:
        if entry.record.replay_of is not None:
            ends[entry.record.replay_of] = outcomes[entry.command.id].state
    return ends | {letter.id: "dead" for letter in letters if letter.id in ends}


async def _carried_out(entries: Iterable[Entry], tx: RecordTransaction) -> dict[UUID, Outcome]:
    outcomes: dict[UUID, Outcome] = {}
    effects = [Effect(entry.command, entry.operands) for entry in entries]
    for one_round in rounds((effect.command.prospect_id, effect) for effect in effects):
        by_type: dict[str, list[Effect]] = {}
        for effect in one_round:
            by_type.setdefault(effect.command.type, []).append(effect)
        for action_type, group in by_type.items():
            ended = await tx.change(action_type, group)
            outcomes |= {effect.command.id: outcome for effect, outcome in zip(group, ended, strict=True)}
    return outcomes


def _newest(commands: Iterable[Command]) -> dict[UUID, int]:
    newest: dict[UUID, int] = {}
    for command in commands:
        newest[command.prospect_id] = max(command.order, newest.get(command.prospect_id, 0))
    return newest


def _uncovered(commands: Iterable[Command], moved: Mapping[UUID, int]) -> dict[UUID, int]:
    """Return the marks that no effect of this batch has moved far enough: prospect id -> order."""
    return {prospect_id: order for prospect_id, order in _newest(commands).items() if order > moved.get(prospect_id, 0)}
