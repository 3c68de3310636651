"""Puts definitions into the outbox: the relay takes them to `finish.definitions.v1`, before whatever may cite them."""

from pathlib import Path
from typing import Any, Final

from schemas.action_lists import ActionList
from schemas.assets import Asset
from services.chassis.postgres import Connection
from services.chassis.sql_files import load_sql

SQL: Final = load_sql(Path(__file__).parent / "sql" / "publications.sql")


async def publish_asset(tx: Connection, asset: Asset) -> int:
    """Write the asset's newest form; return the outbox row's number."""
    return await _publish(tx, f"asset:{asset.id}", asset.record, asset.model_dump(mode="json", by_alias=True))


async def publish_list(tx: Connection, document: ActionList) -> int:
    """Write one version of a list; return the outbox row's number."""
    name = f"list:{document.asset_id}:{document.version}"
    return await _publish(tx, name, document.record, document.model_dump(mode="json", by_alias=True))


async def _publish(tx: Connection, name: str, record: str, payload: dict[str, Any]) -> int:
    seq: int = await tx.fetchval(SQL["publish_definition"], name, record, payload)
    return seq
