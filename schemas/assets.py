"""Assets: what prospects interact with, and what ingest must know of each to serve it without a database."""

from typing import Any, Literal

from pydantic import Field

from schemas.contract import SCHEMA_VERSION, Contract
from schemas.triggers import AssetKind


class Asset(Contract):
    """A record of `finish.definitions.v1`, the newest per id. `settings` are the kind's own: target URL, mapping, file."""

    schema_: Literal[1] = Field(default=SCHEMA_VERSION, alias="schema")
    record: Literal["asset"] = "asset"
    id: str
    kind: AssetKind
    name: str
    status: Literal["active", "archived", "deleted"] = "active"
    settings: dict[str, Any] = Field(default_factory=dict)
