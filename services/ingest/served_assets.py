"""The assets of what is served in any case: from memory, and from the database where the log could not be read."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from schemas.triggers import PROSPECT_ASSET_ID
from services.chassis.errors import RetryableError
from services.chassis.postgres import Pool, translated
from services.chassis.sql_files import load_sql
from services.ingest.asset_cache import AssetCache
from services.ingest.settings import Ingest
from services.ingest.stamping import Versions

SQL: Final = load_sql(Path(__file__).parent / "sql" / "assets.sql")


class ServedAsset(NamedTuple):
    """What is served, and which versions an interaction with it is stamped with."""

    kind: str
    status: str
    settings: Mapping[str, Any]
    versions: Versions


@dataclass(frozen=True, slots=True)
class ServedAssets:
    """Assets by id. An asset that memory has is never looked up: what the database has more is not published yet."""

    cache: AssetCache
    pool: Pool
    ingest: Ingest

    async def find(self, asset_id: str) -> ServedAsset | None:
        """Return an asset, None when there is none. Raises RetryableError while nobody can say."""
        if (cached := self._cached(asset_id)) is not None:
            return cached
        if self.cache.tail.ready.is_set():
            try:
                await self.cache.catch_up(self.ingest.catch_up_timeout_s)
                return self._cached(asset_id)
            except RetryableError:
                pass  # the log is away: what it would tell is in the database
        return await self._read(asset_id)

    def _cached(self, asset_id: str) -> ServedAsset | None:
        """Return what memory has, once all definitions were read: before that, a version could be an old one."""
        record = self.cache.asset(asset_id) if self.cache.tail.ready.is_set() else None
        if record is None:
            return None
        return ServedAsset(record["kind"], record.get("status", "active"), record.get("settings", {}), self.cache)

    async def _read(self, asset_id: str) -> ServedAsset | None:
        with translated():
            async with asyncio.timeout(self.ingest.database_timeout_s):
                row = await self.pool.fetchrow(SQL["read"], asset_id)
        if row is None:
            return None
        versions = _Read({asset_id: row["version"], PROSPECT_ASSET_ID: row["prospect_version"]})
        return ServedAsset(row["kind"], row["status"], row["settings"], versions)


@dataclass(frozen=True, slots=True)
class _Read:
    versions: Mapping[str, int]

    def newest(self, asset_id: str) -> int:
        """Return the newest version of an asset's list."""
        return self.versions[asset_id]
