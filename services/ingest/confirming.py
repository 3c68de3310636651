"""Confirmed opt-in: a submission of an address that nobody here has is held until whoever reads that address's mail confirms it.

So nobody can have mails sent to strangers but one that asks them, and those are bounded: one a day for an address, whatever the
form, and so many an hour for a form; what is beyond leaves later. Who submits sees no difference, so that nobody can ask who is
known here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

from core.tokens import Token
from schemas.commands.confirmation import CONFIRM_ADDRESS
from services.chassis.clock import Clock
from services.chassis.failpoints import failpoint
from services.chassis.postgres import Connection, Pool
from services.chassis.problems import Problem
from services.chassis.sql_files import load_sql
from services.ingest import metrics
from services.ingest.form_records import Form, change_record, read_form
from services.ingest.identity import Address
from services.ingest.stamping import Stamp, Stamped, instant
from services.ingest.transactions import enqueue, name_writer, transaction

SQL: Final = load_sql(Path(__file__).parent / "sql" / "confirming.sql")
TYPE: Final = "form.submitted"
_SPAN: Final = timedelta(hours=1)
_PER_ADDRESS: Final = timedelta(days=1)


async def is_unknown(connection: Connection, address: Address) -> bool:
    """Tell whether nobody has the address."""
    return not await connection.fetchval(SQL["known"], address.text)


async def hold(
    connection: Connection,
    form: Form,
    submission_id: UUID,
    address: Address,
    values: Mapping[str, Any],
    data: Mapping[str, Any],
    now: datetime,
    per_hour: int,
) -> None:
    """Keep a submission until its address is confirmed, and command the mail that asks for it, if none is on its way."""
    await connection.execute(SQL["alone"], address.text, form.id)
    waiting = await connection.fetchrow(SQL["waiting"], address.text)
    prospect_id = uuid4() if waiting is None else waiting["prospect_id"]
    mailed_at = None
    if waiting is None or waiting["mailed_at"] is None or waiting["mailed_at"] <= now - _PER_ADDRESS:
        room = await connection.fetchval(SQL["room"], form.id, per_hour - 1)
        mailed_at = now if room is None else max(now, room + _SPAN)
    row = (submission_id, form.id, address.text, prospect_id, dict(values), dict(data), now, mailed_at)
    await connection.execute(SQL["hold"], *row)
    if mailed_at is not None:
        command = _command(form, submission_id, prospect_id, now, mailed_at)
        await connection.execute(SQL["command"], str(prospect_id), command)
    metrics.FORMS_HELD.inc()


def _command(form: Form, submission_id: UUID, prospect_id: UUID, now: datetime, at: datetime) -> dict[str, Any]:
    return {
        "schema": 1,
        "id": str(uuid5(submission_id, CONFIRM_ADDRESS)),
        "uid": str(submission_id),
        "prospect_id": str(prospect_id),
        "type": CONFIRM_ADDRESS,
        "asset_id": form.id,
        "version": form.newest(form.id),
        "action_id": "confirm",
        "action_name": "Confirm the address",
        "order": 0,
        "not_before": instant(at) if at > now else None,
        "recordedtime": instant(now),
        "params": {"submission": str(submission_id)},
    }


@dataclass(frozen=True, slots=True)
class Confirming:
    """What confirming an address does. Raises RetryableError when it is unknown what is durable."""

    pool: Pool
    clock: Clock
    timeout_s: float

    async def accept(self, token: Token) -> Sequence[Stamped]:
        """Take in all that is held of the address, in the order in which it came; nothing where nothing is held any more."""
        try:
            submission_id = UUID(token.prospect_id)
        except ValueError:
            return ()
        async with transaction(self.pool, timeout_s=self.timeout_s) as connection:
            now = self.clock.now()
            taken = [await _taken(connection, row, now) for row in await connection.fetch(SQL["take"], submission_id)]
            failpoint("ingest.after-confirmed")
        interactions = [each for each in taken if each is not None]
        metrics.accepted(TYPE).inc(len(interactions))
        return interactions


async def _taken(connection: Connection, row: Any, now: datetime) -> Stamped | None:
    """Take one in as if it came now; None where its form is no more."""
    try:
        form = await read_form(connection, row["form_id"])
    except Problem:
        return None
    await name_writer(connection, form.source, now)
    prospect_id = await change_record(connection, Address(row["email"]), row["values"], row["prospect_id"])
    await connection.execute(SQL["grant"], prospect_id)
    interaction = Stamp(form, now).told(
        form.source, row["id"].hex, TYPE, form.id, row["submitted_at"], str(prospect_id), row["data"]
    )
    await enqueue(connection, [interaction])
    return interaction
