"""Unsubscribing from a mail: the record and the interaction behind it in one transaction, in force when it is answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.tokens import Token
from services.chassis.clock import Clock
from services.chassis.failpoints import failpoint
from services.chassis.postgres import Connection, Pool
from services.ingest import metrics
from services.ingest.mail_links import SQL
from services.ingest.served_assets import SQL as ASSETS
from services.ingest.stamping import ReadVersions, Stamp, Stamped
from services.ingest.transactions import enqueue, name_writer, transaction

SOURCE: Final = "finish/mails"
TYPE: Final = "list_email.unsubscribed"
_KIND: Final = "list_email"
_OUT: Final = frozenset({"unsubscribed", "complained"})


@dataclass(frozen=True, slots=True)
class Unsubscribing:
    """The steps, over what they need. Raises RetryableError when it is unknown what is durable."""

    pool: Pool
    clock: Clock
    timeout_s: float

    async def accept(self, token: Token, data: dict[str, Any]) -> Stamped | None:
        """Unsubscribe whom the token names; return the interaction, None where there was nothing to do: the prospect is
        out already, or is no more."""
        list_id = token.more[1] if len(token.more) > 1 else ""
        async with transaction(self.pool, timeout_s=self.timeout_s) as connection:
            now = self.clock.now()
            await name_writer(connection, SOURCE, now)
            if not await _left(connection, UUID(token.prospect_id), list_id):
                return None
            failpoint("ingest.after-unsubscribed")
            known = {**data, "list": list_id} if list_id else data
            interaction = await _behind(connection, token, known, now)
        if interaction is not None:
            metrics.accepted(TYPE).inc()
        return interaction


async def _left(connection: Connection, prospect_id: UUID, list_id: str) -> bool:
    row = await connection.fetchrow(SQL["lock"], prospect_id, list_id)
    if row is None:
        return False
    if list_id:
        if row["status"] == "unsubscribed":
            return False
        await connection.execute(SQL["leave_list"], prospect_id, list_id)
    else:
        if row["consent"] in _OUT:
            return False
        await connection.execute(SQL["leave_all"], prospect_id)
    return True


async def _behind(connection: Connection, token: Token, data: dict[str, Any], now: datetime) -> Stamped | None:
    """Put the interaction behind the change; none where its mail is no asset any more."""
    row = await connection.fetchrow(ASSETS["read"], token.asset_id)
    if row is None or row["kind"] != _KIND:
        return None
    versions = ReadVersions(token.asset_id, row["version"], row["prospect_version"])
    interaction = Stamp(versions, now).seen(SOURCE, TYPE, token.asset_id, token.prospect_id, data)
    await enqueue(connection, [interaction])
    return interaction
