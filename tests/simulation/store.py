"""A database in memory: rows, ledger, outbox and dead letters, one transaction at a time, all or nothing.

A commit whose answer is lost is there, or not. Rows change by `fold`, whose equality with the SQL is shown on a real database.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from core.fold import fold
from core.values import Values, from_document, to_document
from schemas.commands.command import Command
from services.chassis.errors import RetryableError
from services.executors.ports import DeadLetter, Effect, Outcome
from tests.simulation.processes import Life
from tests.simulation.virtual import at_most, text
from tests.support.simulation import Row

_REPEATED_WITHIN: Final = timedelta(days=7)


class Ledgered:
    """A row of the ledger."""

    def __init__(self, command: Command) -> None:
        self.prospect_id, self.recorded, self.state = command.prospect_id, command.recordedtime, "done"


class Store:
    """All that is committed. `visible` rows of the outbox are."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.up = True
        self.faulty = True
        self.restarts = 0
        self.lock = asyncio.Lock()
        self.rows: dict[str, Row] = {}
        self.ledger: dict[UUID, Ledgered] = {}
        self.letters: dict[UUID, DeadLetter] = {}
        self.outbox: list[tuple[str, bytes]] = []
        self.visible = 0
        self.written = 0
        """Rows that the outbox has ever had; what is behind `gone` is not in the log yet."""
        self.gone = 0
        self._relay: asyncio.Future[None] | None = None
        self._leader: Life | None = None

    def strikes(self, probability: float) -> bool:
        """Draw whether something goes wrong here."""
        return self.faulty and self._random.random() < probability

    def restart(self) -> None:
        """Lose every transaction that is open."""
        self.restarts += 1

    @asynccontextmanager
    async def transaction(self, life: Life) -> AsyncIterator[None]:
        """Open one. Raises RetryableError when it is not committed, or nobody knows."""
        await life.boundary()
        if not self.up:
            raise RetryableError("the database is away")
        async with self.lock:
            restarts, undo = self.restarts, self._snapshot()
            try:
                yield
                await life.boundary()
                self._must_be_there(restarts)
            except BaseException:
                self._undo(undo)
                raise
            self._commit()
        if self.strikes(0.02):
            raise RetryableError("the answer to COMMIT was lost")
        await life.boundary()

    def _must_be_there(self, restarts: int) -> None:
        if not self.up or restarts != self.restarts or self.strikes(0.02):
            raise RetryableError("the connection was lost")

    def _snapshot(self) -> Any:
        rows = {key: (row.values, row.version, dict(row.marks)) for key, row in self.rows.items()}
        return rows, {key: (row, row.state) for key, row in self.ledger.items()}, set(self.letters)

    def _undo(self, before: Any) -> None:
        rows, ledger, letters = before
        for key, (values, version, marks) in rows.items():
            row = self.rows[key]
            row.values, row.version, row.marks = values, version, marks
        self.ledger = {key: row for key, (row, _) in ledger.items()}
        for row, state in ledger.values():
            row.state = state
        self.letters = {key: letter for key, letter in self.letters.items() if key in letters}
        self.rows = {key: row for key, row in self.rows.items() if key in rows}
        del self.outbox[self.visible :]

    def _commit(self) -> None:
        self.written += len(self.outbox) - self.visible
        self.visible = len(self.outbox)
        if self.visible and self._relay is not None and not self._relay.done():
            self._relay.set_result(None)

    def leads(self, life: Life) -> bool:
        """Tell whether this relay is the leader, or is now, as the one before is dead or taken for dead."""
        leader = self._leader
        if leader is None or not leader.alive or (leader.held and self.strikes(0.5)):
            self._leader = life
        return self._leader is life

    async def more(self, most_s: float) -> None:
        """Wait until something is committed into the outbox, or so long. For the relay that leads."""
        self._relay = asyncio.get_running_loop().create_future()
        await at_most(self._relay, most_s)

    def settled(self, commands: Collection[UUID]) -> bool:
        """Tell whether these have ended and a change can be written right away: what is in an open transaction does not count."""
        return self.up and not self.lock.locked() and self.ledger.keys() >= set(commands)

    def take_away(self, life: Life, count: int) -> None:
        """Delete the first rows of the outbox, which are in the log, unless this relay leads no more."""
        if self._leader is not life:
            return
        del self.outbox[:count]
        self.visible -= count
        self.gone += count

    def write(self, prospect_id: str, listed: int, values: Mapping[str, Any], recorded: datetime) -> int:
        """Write a row as somebody who is no executor, with which list in force, and commit it. Return its version."""
        row = self.rows.get(prospect_id) or self._create(prospect_id)
        row.listed, row.recorded = listed, text(recorded)
        row.change(from_document({**to_document(row.values), **values}))
        self._commit()
        return row.version

    def _create(self, prospect_id: str) -> Row:
        row = self.rows[prospect_id] = Row(prospect_id, self.outbox)
        return row


class Transactions:
    """Where an executor's transactions come from."""

    def __init__(self, store: Store, life: Life, executor: str) -> None:
        self._store, self._life, self._executor = store, life, executor

    @asynccontextmanager
    async def transaction(self, _now: datetime) -> AsyncIterator["Tx"]:
        """Begin one."""
        async with self._store.transaction(self._life):
            yield Tx(self._store, self._executor, text(self._life.now()))


class Tx:
    """A transaction of an executor of record actions."""

    def __init__(self, store: Store, executor: str, recorded: str) -> None:
        self._store, self._executor, self._recorded = store, executor, recorded

    async def claim(self, commands: Sequence[Command]) -> set[UUID]:
        """Write the rows that are not there yet, or are of 7 days before."""
        ledger, fresh = self._store.ledger, set()
        for command in commands:
            row = ledger.get(command.id)
            if row is None or command.recordedtime - row.recorded >= _REPEATED_WITHIN:
                ledger[command.id] = Ledgered(command)
                fresh.add(command.id)
        return fresh

    async def owners(self, command_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Return whose they are."""
        return {id_: self._store.ledger[id_].prospect_id for id_ in command_ids}

    async def asked(self, _letter_ids: Collection[UUID]) -> set[UUID]:
        """Nothing is replayed here."""
        return set()

    async def revive(self, _commands: Sequence[Command]) -> set[UUID]:
        """Nothing is replayed here."""
        return set()

    async def forget(self, letter_ids: Collection[UUID]) -> None:
        """Delete dead letters."""
        for id_ in letter_ids:
            del self._store.letters[id_]

    async def lock(self, prospect_ids: Collection[UUID]) -> set[UUID]:
        """Return which exist."""
        return {id_ for id_ in prospect_ids if str(id_) in self._store.rows}

    async def erased(self, _prospect_ids: Collection[UUID]) -> set[UUID]:
        """Nobody is erased here."""
        return set()

    async def end(self, outcomes: Mapping[UUID, Outcome]) -> None:
        """Write how commands ended."""
        for id_, outcome in outcomes.items():
            self._store.ledger[id_].state = outcome.state

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters."""
        self._store.letters |= {letter.id: letter for letter in letters}

    async def change(self, action_type: str, effects: Sequence[Effect]) -> list[Outcome]:
        """Carry out one effect for each of these prospects."""
        outcomes = []
        for effect in effects:
            row = self._store.rows[str(effect.command.prospect_id)]
            row.recorded = self._recorded
            row.marks[self._executor] = max(row.marks[self._executor], effect.command.order)
            values: Values = fold(row.values, action_type, effect.command.params)
            row.write(values)
            outcomes.append(Outcome("done"))
        return outcomes

    async def mark(self, orders: Mapping[UUID, int]) -> None:
        """Raise marks."""
        for id_, order in orders.items():
            row = self._store.rows[str(id_)]
            if order > row.marks[self._executor]:
                row.marks[self._executor], row.recorded = order, self._recorded
                row.write(row.values)

    async def release(self, dead: Mapping[UUID, bool]) -> None:
        """Nothing waits here."""
