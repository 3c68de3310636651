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
6. `mark`: every settled command is covered, whatever its outcome. A repeat too: an interaction that is sent again after its
   uid was forgotten has the same command id at a new place in the log, and the evaluator waits for that place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from schemas.commands.command import Command
from schemas.outcomes import DeadReason
from services.executors.core.rounds import rounds
from services.executors.ports import DeadLetter, Effect, Outcome, RecordTransaction
from services.executors.runtime.entries import AnyEntry, Entry, Record, Refusal, Unreadable


@dataclass(frozen=True, slots=True)
class Settled:
    """What a transaction did, to be counted and logged once it is committed."""

    outcomes: Sequence[tuple[Entry, Outcome]]
    letters: Sequence[DeadLetter]
    repeats: int
    replays: Mapping[UUID, str]
    """How replays ended, by dead letter: as commands do, or `repeat` when there was nothing left to do."""


async def settle(batch: Sequence[AnyEntry], tx: RecordTransaction) -> Settled:
    """Settle every entry of the batch within the transaction."""
    batch, stale, asked = await _replayable(batch, tx)
    entries = [entry for entry in batch if isinstance(entry, Entry)]
    fresh, repeats, conflicts = await _sorted_out(entries, tx)
    concerned = {entry.command.prospect_id for entry in entries}
    existing = await tx.lock(concerned) if concerned else set()
    erased = await tx.erased(absent) if (absent := concerned - existing) else set()
    outcomes = _refused(fresh, existing, erased)
    outcomes |= await _carried_out([entry for entry in fresh if entry.command.id not in outcomes], tx)

    if ended := {command_id: outcome for command_id, outcome in outcomes.items() if outcome.state != "done"}:
        await tx.end(ended)
    letters = _letters(batch, fresh, conflicts, outcomes)
    if letters:
        await tx.bury(letters)
    replays = _replays(asked, fresh, outcomes, letters)
    if over := {letter_id for letter_id, end in replays.items() if end != "dead"}:
        await tx.forget(over)
    done = [entry.command for entry in fresh if outcomes[entry.command.id].state == "done"]
    others = [entry.command for entry in entries if entry.command.prospect_id in existing]
    if uncovered := _uncovered(others, _newest(done)):
        await tx.mark(uncovered)
    settled = [(entry, outcomes[entry.command.id]) for entry in fresh]
    return Settled(settled, letters, len(repeats) + stale, replays)


async def _replayable(
    batch: Sequence[AnyEntry], tx: RecordTransaction
) -> tuple[Sequence[AnyEntry], int, frozenset[UUID]]:
    """Leave out replays that have no right to be carried out, or a second time; return how many, and whose letters stay."""
    wanted = {entry.record.replay_of for entry in batch if entry.record.replay_of}
    if not wanted:
        return batch, 0, frozenset()
    asked = frozenset(await tx.asked(wanted))
    kept: list[AnyEntry] = []
    left = set(asked)
    for entry in batch:
        if (letter_id := entry.record.replay_of) is None:
            kept.append(entry)
        elif letter_id in left:
            left.discard(letter_id)
            kept.append(entry)
    return kept, len(batch) - len(kept), asked


def _replays(
    asked: Iterable[UUID], fresh: Iterable[Entry], outcomes: Mapping[UUID, Outcome], letters: Iterable[DeadLetter]
) -> dict[UUID, str]:
    """Return how each replay ended."""
    ends = dict.fromkeys(asked, "repeat")
    for entry in fresh:
        if entry.record.replay_of is not None:
            ends[entry.record.replay_of] = outcomes[entry.command.id].state
    return ends | {letter.id: "dead" for letter in letters if letter.id in ends}


async def _sorted_out(entries: Sequence[Entry], tx: RecordTransaction) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """Claim the commands, and take dead ones again that are replayed; return those that are to be carried out, the repeats,
    and those whose id belongs to another prospect."""
    first: dict[UUID, Entry] = {}
    for entry in entries:
        first.setdefault(entry.command.id, entry)
    claimed = await tx.claim([entry.command for entry in first.values()]) if first else set()
    owners = {command_id: first[command_id].command.prospect_id for command_id in claimed}
    if before := first.keys() - claimed:
        owners |= await tx.owners(before)
    replayed = [entry.command for entry in entries if entry.record.replay_of and entry.command.id in before]
    revived = await tx.revive(replayed) if replayed else set()
    fresh, repeats, conflicts = [], [], []
    for entry in entries:
        command = entry.command
        if command.id in claimed and first[command.id] is entry:
            fresh.append(entry)
        elif entry.record.replay_of and command.id in revived and owners[command.id] == command.prospect_id:
            revived.discard(command.id)
            fresh.append(entry)
        elif owners.get(command.id, command.prospect_id) == command.prospect_id:
            repeats.append(entry)
        else:
            conflicts.append(entry)
    return fresh, repeats, conflicts


def _refused(fresh: Iterable[Entry], existing: set[UUID], erased: set[UUID]) -> dict[UUID, Outcome]:
    """Return the outcomes of those that are not even tried. Of an erased prospect nothing is dead: its bytes are not kept."""
    outcomes = {}
    for entry in fresh:
        if entry.command.prospect_id in erased:
            outcomes[entry.command.id] = Outcome("suppressed", "erased")
        elif (refusal := entry.refusal) is not None:
            outcomes[entry.command.id] = Outcome("dead", refusal.reason, refusal.error, refusal.attempts)
        elif entry.command.prospect_id not in existing:
            outcomes[entry.command.id] = Outcome("dead", "unknown_prospect", "the prospect does not exist")
    return outcomes


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


def _letters(
    batch: Iterable[AnyEntry], fresh: Iterable[Entry], conflicts: Iterable[Entry], outcomes: Mapping[UUID, Outcome]
) -> list[DeadLetter]:
    letters = [_letter(entry.record, entry.refusal) for entry in batch if isinstance(entry, Unreadable)]
    taken = Refusal("duplicate_conflict", "another prospect has a command of this id")
    letters += [_letter(entry.record, taken, entry.command) for entry in conflicts]
    for entry in fresh:
        outcome = outcomes[entry.command.id]
        if outcome.state == "dead":
            reason = cast("DeadReason", outcome.reason or "permanent")  # a dead command's is none of `Suppressed`
            refusal = Refusal(reason, outcome.error or "", outcome.attempts)
            letters.append(_letter(entry.record, refusal, entry.command))
    return list({letter.id: letter for letter in letters}.values())  # of a record and its replay the later one counts


def _letter(record: Record, refusal: Refusal, command: Command | None = None) -> DeadLetter:
    return DeadLetter(
        id=record.id,
        reason=refusal.reason,
        error=refusal.error,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        command=command,
        attempts=refusal.attempts,
    )


def _newest(commands: Iterable[Command]) -> dict[UUID, int]:
    newest: dict[UUID, int] = {}
    for command in commands:
        newest[command.prospect_id] = max(command.order, newest.get(command.prospect_id, 0))
    return newest


def _uncovered(commands: Iterable[Command], moved: Mapping[UUID, int]) -> dict[UUID, int]:
    """Return the marks that no effect of this batch has moved far enough: prospect id -> order."""
    return {prospect_id: order for prospect_id, order in _newest(commands).items() if order > moved.get(prospect_id, 0)}
