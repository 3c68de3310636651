"""Dead letters as the API lists them: what is wrong, where from; never their bytes."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from schemas.contract import Id
from schemas.outcomes import DeadReason
from services.console.paging import PageQuery


class DeadLetterQuery(PageQuery):
    """A page of the dead letters, of one executor or reason if wanted."""

    executor: Id | None = None
    reason: DeadReason | None = None


class ShownDeadLetter(BaseModel):
    """One record that could not be carried out."""

    id: UUID
    reason: DeadReason
    error: str
    topic: str
    partition: int
    offset: int
    executor: str | None
    uid: UUID | None
    prospect_id: str | None
    command_id: UUID | None
    attempts: int
    first_time: datetime
    last_time: datetime
    size_bytes: int
