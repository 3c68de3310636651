"""Users: who owns prospects and is notified. A disabled one is passed over by the pools of `assign_owner`."""

from datetime import datetime

from pydantic import BaseModel

from schemas.addresses import TrimmedAddress
from schemas.contract import Id, Input, Name


class NewUser(Input):
    """A user to create."""

    id: Id | None = None
    name: Name
    email: TrimmedAddress
    enabled: bool = True


class UserChanges(Input):
    """What to change; what is absent stays."""

    name: Name = ""
    email: TrimmedAddress = ""
    enabled: bool = True


class User(BaseModel):
    """A user."""

    id: str
    name: str
    email: str
    enabled: bool
    created_at: datetime
