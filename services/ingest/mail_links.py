"""Where the links of mails lead. A link never changes and never expires, so what was found once is kept."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from services.chassis.postgres import Pool, translated
from services.chassis.sql_files import load_sql

SQL: Final = load_sql(Path(__file__).parent / "sql" / "mails.sql")


class MailLink(NamedTuple):
    """A link of a mail: whose, and where it leads."""

    asset_id: str
    url: str


@dataclass(frozen=True, slots=True)
class MailLinks:
    """Links by id, the last `kept_max` of them in memory."""

    pool: Pool
    timeout_s: float
    kept_max: int
    _kept: OrderedDict[str, MailLink] = field(default_factory=OrderedDict)

    async def find(self, link_id: str) -> MailLink | None:
        """Return a link, None when there is none. Raises RetryableError while nobody can say."""
        if (kept := self._kept.get(link_id)) is not None:
            self._kept.move_to_end(link_id)
            return kept
        try:
            identity = UUID(link_id)
        except ValueError:
            return None
        with translated():
            async with asyncio.timeout(self.timeout_s):
                row = await self.pool.fetchrow(SQL["link"], identity)
        if row is None:
            return None
        found = self._kept[link_id] = MailLink(row["asset_id"], row["url"])
        if len(self._kept) > self.kept_max:
            self._kept.popitem(last=False)
        return found
