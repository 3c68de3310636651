"""Taking deliveries: in one transaction they are locked, and it is decided of each whether an attempt begins, it is put off or
has ended; those that begin are leased, and what they send is rendered at the first and stored. The attempts begin when that is
committed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from core.templates import scopes
from services.chassis.errors import PermanentError
from services.executors import metrics
from services.executors.ports import (
    Again,
    Attempt,
    Ending,
    Later,
    Outcome,
    Prepared,
    Remote,
    RemoteTransaction,
    Situation,
    Taken,
)

log = structlog.get_logger()

Known = Mapping[UUID, tuple[Mapping[str, Any], Mapping[str, Any] | None]]
"""Prospects with their owners."""


@dataclass(slots=True)
class Claimed:
    """What became of the deliveries that were taken."""

    attempts: list[Attempt] = field(default_factory=list)
    prepared: dict[UUID, tuple[UUID, Prepared]] = field(default_factory=dict)
    later: dict[UUID, datetime] = field(default_factory=dict)
    endings: list[Ending] = field(default_factory=list)
    again: list[Again] = field(default_factory=list)


class Claims:
    """Decides what happens to deliveries that are taken. `bugs_max`: so often an error of no known kind is met."""

    def __init__(self, remote: Remote, executor: str, *, bugs_max: int, bug_delay_s: float) -> None:
        self._remote, self._executor = remote, executor
        self._bugs_max, self._bug_delay = bugs_max, timedelta(seconds=bug_delay_s)

    async def decided(self, taken: Sequence[Taken], tx: RemoteTransaction, now: datetime, until: datetime) -> Claimed:
        """Decide about deliveries within the transaction that locks them, lease until then those that are tried, and write
        down what becomes of the others, but for the endings."""
        claimed = Claimed()
        if not taken:
            return claimed
        commands = [each.delivery.command for each in taken]
        known = await tx.prospects({command.prospect_id for command in commands})
        details = await tx.details([command for command in commands if command.prospect_id in known])
        for each in taken:
            self._decide(each, known, details, claimed, now)
        if claimed.prepared:
            await tx.keep(claimed.prepared)
        if claimed.later:
            await tx.put_off(claimed.later)
        if claimed.again:
            await tx.again(claimed.again)
        if claimed.attempts:
            await tx.begin(claimed.attempts, until)
        return claimed

    def _decide(
        self,
        taken: Taken,
        known: Known,
        details: Mapping[UUID, Mapping[str, Any]],
        claimed: Claimed,
        now: datetime,
    ) -> None:
        command = taken.delivery.command
        if (ending := self._ended(taken)) is not None:
            claimed.endings.append(ending)
            return
        if command.prospect_id not in known:
            claimed.endings.append(Ending(taken, Outcome("suppressed", "erased", attempts=0)))
            return
        prospect, owner = known[command.prospect_id]
        seen = scopes(prospect, owner, command.interaction or {})
        situation = Situation(prospect, command.recordedtime, seen, details.get(command.id, {}))
        try:
            refused = self._remote.refuse(command, situation, now)
            if isinstance(refused, Later):
                claimed.later[command.id] = refused.at
            elif refused is not None:
                claimed.endings.append(Ending(taken, refused))
            else:
                claimed.attempts.append(Attempt(taken, self._request(taken, situation, claimed)))
        except PermanentError as exc:
            claimed.endings.append(Ending(taken, Outcome("dead", "permanent", exc.reason)))
        except Exception as exc:  # the one place: a bug stops one delivery, not the others
            log.exception("delivery_not_prepared", executor=self._executor, attempts=taken.attempts + 1)
            metrics.RETRIES.labels(self._executor, "bug").inc()
            if taken.attempts + 1 >= self._bugs_max:
                claimed.endings.append(Ending(taken, Outcome("dead", "exhausted", type(exc).__name__)))
            else:
                claimed.again.append(Again(taken, now + self._bug_delay, type(exc).__name__))

    def _ended(self, taken: Taken) -> Ending | None:
        if taken.cut_off and not self._remote.repeatable(taken.delivery.command):
            return Ending(taken, Outcome("uncertain", error="an attempt was cut off"))
        return None

    def _request(self, taken: Taken, situation: Situation, claimed: Claimed) -> bytes:
        if taken.request is not None:
            return taken.request
        command = taken.delivery.command
        prepared = self._remote.prepare(command, situation)
        claimed.prepared[command.id] = command.prospect_id, prepared
        return prepared.request
