"""What becomes of mails, as feeds tell it: the record's consent and the interaction behind it in one transaction.

Told twice, the consent is what it is already, and the interaction has the same uid, so the evaluator drops the repeat.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from core.text import key
from services.chassis.clock import Clock
from services.chassis.failpoints import failpoint
from services.chassis.postgres import Connection, Pool
from services.chassis.sql_files import load_sql
from services.ingest import metrics
from services.ingest.consents import SQL as CONSENTS
from services.ingest.consents import changes
from services.ingest.feeds.told import Told
from services.ingest.served_assets import SQL as ASSETS
from services.ingest.stamping import ReadVersions, Stamp, Stamped
from services.ingest.transactions import enqueue, name_writer, transaction

SQL: Final = load_sql(Path(__file__).parent / "sql" / "feeds.sql")
_KIND: Final = "list_email"


@dataclass(frozen=True, slots=True)
class MailFeedback:
    """The steps, over what they need. Raises RetryableError when it is unknown what is durable."""

    pool: Pool
    clock: Clock
    timeout_s: float

    async def accept(self, source: str, told: Told) -> str:
        """Act on what is told of one mail; return what came of it: `accepted`, `consent` where no interaction follows, or
        `unknown` where nobody knows the mail's recipient."""
        async with transaction(self.pool, timeout_s=self.timeout_s) as connection:
            now = self.clock.now()
            mail = await connection.fetchrow(SQL["mail"], list(told.mails), told.reference)
            found = await (
                connection.fetchrow(SQL["lock_address"], told.address)
                if mail is None
                else connection.fetchrow(SQL["lock"], mail["prospect_id"])
            )
            if found is None:
                return "unknown"
            await name_writer(connection, source, now)
            changed = await _change(connection, found["id"], found["email"], found["consent"], told)
            failpoint("ingest.after-feedback")
            interaction = None
            if mail is not None:
                interaction = await _behind(
                    connection, source, mail["asset_id"], mail["prospect_id"], mail["id"], told, now
                )
        if interaction is None:
            return "consent" if changed else "unknown"
        metrics.accepted(interaction.document["type"]).inc()
        return "accepted"


async def _change(connection: Connection, prospect_id: UUID, email: str | None, consent: str, told: Told) -> bool:
    """Change the record's consent, if the address is still the record's, and what is told says more than what is known."""
    if not told.hard or email is None or key(email) != key(told.address) or not changes(consent, told.kind):
        return False
    await connection.execute(CONSENTS["change"], prospect_id, told.kind)
    return True


async def _behind(
    connection: Connection, source: str, asset_id: str, prospect_id: UUID, mail_id: str, told: Told, now: datetime
) -> Stamped | None:
    """Put the interaction behind the change; none where the mail is no asset any more."""
    row = await connection.fetchrow(ASSETS["read"], asset_id)
    if row is None or row["kind"] != _KIND:
        return None
    versions = ReadVersions(asset_id, row["version"], row["prospect_version"])
    data: dict[str, Any] = {"message_id": mail_id, **told.detail}
    if told.kind == "bounced":
        data["bounce"] = "hard" if told.hard else "soft"
    stamp = Stamp(versions, now)
    interaction = stamp.told(
        source, told.id, f"{_KIND}.{told.kind}", asset_id, min(told.at, now), str(prospect_id), data
    )
    await enqueue(connection, [interaction])
    return interaction
