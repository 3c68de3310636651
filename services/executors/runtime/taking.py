"""What every executor does with a batch before anything is carried out: replays without a right are left out, commands are
claimed in the ledger, and what cannot be carried out at all is told apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from schemas.commands.command import Command
from schemas.outcomes import DeadReason
from services.executors.ports import DeadLetter, Outcome, Transaction
from services.executors.runtime.entries import AnyEntry, Entry, Record, Refusal, Unreadable


@dataclass(frozen=True, slots=True)
class Settled:
    """What a transaction did, to be counted and logged once it is committed."""

    outcomes: Sequence[tuple[Entry, Outcome]]
    letters: Sequence[DeadLetter]
    repeats: int
    replays: Mapping[UUID, str]
    """How replays ended, by dead letter: as commands do, or `repeat` when there was nothing left to do."""


def parted(batch: Sequence[AnyEntry]) -> list[list[AnyEntry]]:
    """Part a batch before each command that comes again with another acceptance time: a transaction claims an id once, and the
    ledger tells whether it is new by now."""
    parts: list[list[AnyEntry]] = [[]]
    accepted: dict[UUID, datetime] = {}
    for entry in batch:
        if isinstance(entry, Entry):
            id_, recorded = entry.command.id, entry.command.recordedtime
            if recorded != accepted.setdefault(id_, recorded):
                parts.append([])
                accepted = {id_: recorded}
        parts[-1].append(entry)
    return parts


async def replayable(batch: Sequence[AnyEntry], tx: Transaction) -> tuple[Sequence[AnyEntry], int, frozenset[UUID]]:
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


async def sorted_out(entries: Sequence[Entry], tx: Transaction) -> tuple[list[Entry], list[Entry], list[Entry]]:
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


def refused(fresh: Iterable[Entry], existing: set[UUID], erased: set[UUID]) -> dict[UUID, Outcome]:
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


def letters_of(
    batch: Iterable[AnyEntry], fresh: Iterable[Entry], conflicts: Iterable[Entry], outcomes: Mapping[UUID, Outcome]
) -> list[DeadLetter]:
    """Return the dead letters of a batch."""
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
