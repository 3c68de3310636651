"""Mailing lists: what prospects subscribe to."""

from datetime import datetime

from pydantic import BaseModel

from schemas.contract import Id, Input, Name


class NewList(Input):
    """A list to create."""

    id: Id | None = None
    name: Name


class MailingList(BaseModel):
    """A list."""

    id: str
    name: str
    created_at: datetime
