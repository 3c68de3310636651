"""Teams: several users whom a notice tells at once."""

from datetime import datetime

from pydantic import BaseModel, Field

from schemas.contract import Id, Input, Name


class NewTeam(Input):
    """A team to create."""

    id: Id | None = None
    name: Name
    members: list[Id] = Field(default_factory=list, max_length=200)
    """Users' ids."""


class Team(BaseModel):
    """A team."""

    id: str
    name: str
    members: list[str]
    created_at: datetime
