"""The spam window of forms, across all ingest processes: one row per client address and user, locked while it is counted.

Time comes from the process's own clock, taken under the lock, and never goes back within a row: a process whose clock is
behind counts as of the row's newest attempt.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from core.limits import Limits
from core.records import milliseconds
from core.spam import address, attempted, is_spam
from services.chassis.clock import Clock
from services.chassis.postgres import Connection
from services.chassis.sql_files import load_sql
from services.ingest.stamping import instant

SQL: Final = load_sql(Path(__file__).parent / "sql" / "spam_windows.sql")


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who submits: `ip` None is a client without an address, `user` an e-mail address's key, empty for all without one."""

    ip: str | None
    user: str

    @property
    def key(self) -> tuple[str, str]:
        """What attempts are counted by."""
        return "" if self.ip is None else address(self.ip), self.user


async def count_attempt(
    connection: Connection, submitter: Submitter, clock: Clock, limits: Limits
) -> tuple[datetime, bool]:
    """Count an attempt; return when it was made and whether it is one too many. The row stays locked."""
    kept = tuple(await connection.fetchval(SQL["open"], *submitter.key))
    now = clock.now()
    now_ms = max((milliseconds(instant(now)), *kept))
    await connection.execute(SQL["keep"], *submitter.key, attempted(kept, now_ms, limits))
    return now, is_spam(kept, now_ms, limits)
