"""Uploads of hosted files: the bytes go to the store first, then the asset names them, and the log is told.

Whoever dies in between leaves bytes that nobody names. The file before the last stays in the store, for downloads under way
and for an ingest that has not read of the new one; what was replaced before goes.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import structlog

from services.blobs.store import Blobs, new_name
from services.chassis.errors import RetryableError
from services.chassis.problems import Problem
from services.console.bodies.assets import ShownAsset
from services.console.bodies.files import FileQuery
from services.console.definitions import publish_asset
from services.console.handlers.assets import SQL, definition, shown
from services.console.publications import Publications
from services.console.refusals import not_found
from services.console.route import Call, Upload
from services.console.transactions import Database, Row

log = structlog.get_logger()


class _Counted:
    """Bytes on their way, counted."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.size, self.hash = 0, hashlib.sha256()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size += len(chunk)
            self.hash.update(chunk)
            yield chunk


@dataclass(frozen=True, slots=True)
class Files:
    """The call under /api/assets/{id}/file."""

    database: Database
    publications: Publications
    blobs: Blobs

    async def upload(self, call: Call[Upload, FileQuery]) -> ShownAsset:
        """Give a hosted file its bytes, or others: its address stays. 409: the asset is no hosted file."""
        asset_id = call.path["id"]
        _require_file(await self.database.row(SQL["read"], asset_id))
        blob, counted = new_name(), _Counted(call.body.chunks)
        await self.blobs.put(blob, aiter(counted))
        file = {
            "blob": blob,
            "name": call.query.filename,
            "content_type": call.body.content_type,
            "size": counted.size,
            "sha256": counted.hash.hexdigest(),
            "uploaded_at": self.database.clock.now().isoformat(),
        }
        try:
            row, seq, replaced = await self._named(asset_id, file)
        except BaseException:
            await self._deleted(blob)
            raise
        await self.publications.wait([seq])
        if replaced is not None:
            await self._deleted(replaced)
        return shown(row)

    async def _named(self, asset_id: str, file: dict[str, Any]) -> tuple[Row, int, str | None]:
        """Let the asset name the file; return what is published of it, and the blob that nobody needs any more."""
        async with self.database.transaction() as tx:
            before = _require_file(await tx.fetchrow(SQL["lock"], asset_id))
            version = before.get("version", 0) + 1
            row = await tx.fetchrow(SQL["file"], asset_id, file | {"version": version, "previous": before.get("blob")})
            if row is None:
                raise not_found("asset")
            return row, await publish_asset(tx, definition(row)), before.get("previous")

    async def _deleted(self, blob: str) -> None:
        try:
            await self.blobs.delete(blob)
        except RetryableError as exc:
            log.warning("blob_left", reason=exc.reason)


def _require_file(row: Row | None) -> dict[str, Any]:
    """Return the asset's file as it is, empty when there is none yet."""
    if row is None or row["status"] == "deleted":
        raise not_found("asset")
    if row["kind"] != "hosted_file":
        raise Problem(409, "not-a-file", "The asset is no hosted file")
    file: dict[str, Any] = row["settings"].get("file") or {}
    return file
