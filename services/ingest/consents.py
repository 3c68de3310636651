"""What interactions with list e-mails say of a record's consent, whoever tells: only ever less mail, never more."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from services.chassis.postgres import Connection
from services.chassis.sql_files import load_sql

SQL: Final = load_sql(Path(__file__).parent / "sql" / "consents.sql")
UNSUBSCRIBED: Final = "list_email.unsubscribed"
_SAYS: Final = {
    UNSUBSCRIBED: "unsubscribed",
    "list_email.bounced": "bounced",
    "list_email.complained": "complained",
}
_STRONGER: Final = {
    "unsubscribed": frozenset({"unsubscribed", "bounced", "complained"}),
    "bounced": frozenset({"bounced", "complained"}),
    "complained": frozenset({"complained"}),
}
"""The consents that what is said does not change: who complained stays out, and where no mail arrives none is sent."""


def said(kind: str, data: Mapping[str, Any]) -> str | None:
    """Return the consent that an interaction of this type says, None for none: a bounce counts where its data says `hard`."""
    if kind == "list_email.bounced" and data.get("bounce") != "hard":
        return None
    return _SAYS.get(kind)


def changes(now: str, consent: str) -> bool:
    """Tell whether a record with the consent `now` has another one once it is said."""
    return now not in _STRONGER[consent]


async def bring_in(connection: Connection, prospect_id: UUID, kind: str, data: Mapping[str, Any]) -> bool:
    """Change the record, locked, to what an interaction says of it, and tell whether that is another than it was. One list is left where `list` in its data is the id of one
    that the workspace knows, all else is about all mail. A prospect that there is not is passed over."""
    consent = said(kind, data)
    if consent is None:
        return False
    named = data.get("list") if consent == "unsubscribed" else None
    row = await connection.fetchrow(SQL["lock"], prospect_id, named if isinstance(named, str) else None)
    if row is None:
        return False
    if row["list"] is not None:
        if row["status"] == "unsubscribed":
            return False
        await connection.execute(SQL["leave"], prospect_id, row["list"])
        return True
    if not changes(row["consent"], consent):
        return False
    await connection.execute(SQL["change"], prospect_id, consent)
    return True
