"""Tracked links: whose they are and what they open."""

from uuid import UUID

from pydantic import BaseModel

from schemas.contract import Id, Input


class NewLink(Input):
    """A link to make, of an asset for one prospect."""

    asset_id: Id
    prospect_id: UUID


class Link(BaseModel):
    """A link. It never expires, and the same asset and prospect have the same one as long as the same key signs."""

    url: str
