"""Pauses: what is not carried out until it is resumed; what would be waits, in order."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from schemas.contract import Input

Target = Annotated[str, StringConstraints(min_length=1, max_length=2100, pattern=r"^[!-~]+$")]


class NewPause(Input):
    """What to pause: an action type; one action that reaches outside, `<asset id>/<action id>`; or a destination, `<executor>:<destination>`."""

    scope: Literal["action", "type", "destination"]
    id: Target


class Pause(BaseModel):
    """A pause. `target` is what was named; `stops` are the action types that wait because of it, for a record type all of
    its executor's, since one executor keeps one order. `reason`: why, where no person did it."""

    id: str
    scope: Literal["action", "type", "destination"]
    target: str
    stops: list[str]
    created_at: datetime
    reason: str | None
