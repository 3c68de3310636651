"""Tracked links: whose they are and what they open."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from schemas.contract import Id, Input
from services.console.bodies.assets import WebAddress


class NewLink(Input):
    """A link to make, of an asset for one prospect. Of a list e-mail: what of it (absent: a click), and where that is to lead."""

    asset_id: Id
    prospect_id: UUID
    trigger: Literal["clicked", "downloaded", "opened", "unsubscribed"] | None = None
    url: WebAddress | None = None


class Link(BaseModel):
    """A link. It never expires, and the same asset and prospect have the same one as long as the same key signs."""

    url: str
