"""What outside actions made inside the workspace, the leads, and what is still to be delivered."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from schemas.contract import Id
from services.console.paging import PageQuery


class EffectQuery(PageQuery):
    """A page, of one prospect if wanted."""

    prospect_id: UUID | None = None


class NoticeQuery(EffectQuery):
    """A page of the notices, of one prospect or user if wanted."""

    user: Id | None = None


class DeliveryQuery(PageQuery):
    """A page of the deliveries, of one command, prospect or executor if wanted."""

    command_id: UUID | None = None
    prospect_id: UUID | None = None
    executor: Id | None = None


class Lead(BaseModel):
    """A lead; its prospect stays."""

    id: UUID
    prospect_id: UUID
    status: str
    owner: str | None
    source: str | None
    created_at: datetime
    updated_at: datetime


class Task(BaseModel):
    """A task of a user's about a prospect. Its id is the command's."""

    id: UUID
    prospect_id: UUID
    lead_id: UUID | None
    title: str
    body: str | None
    due_at: datetime
    assignee: str
    priority: Literal["low", "normal", "high"]
    dedupe_key: str | None
    status: Literal["open", "done"]
    created_at: datetime


class Resubscription(BaseModel):
    """On what grounds an action put somebody who had unsubscribed on a list again."""

    id: UUID
    prospect_id: UUID
    list: str
    evidence: str
    created_at: datetime


class Notice(BaseModel):
    """What a user was told in-app, `count` times in one if the action gathers."""

    id: UUID
    command_id: UUID
    prospect_id: UUID
    user: str
    subject: str | None
    text: str
    count: int
    created_at: datetime
    read_at: datetime | None


class Attempt(BaseModel):
    """One call of another system. `status` and `reference` are in its words, `answer` is the head of what it said."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    result: str
    status: str | None
    error: str | None
    answer: str | None
    reference: str | None


class ShownDelivery(BaseModel):
    """What is delivered. `waits_for`: the commands ahead of it that have not ended, or are dead and hold it. `due_at` of one that
    has ended is when it did."""

    command_id: UUID
    prospect_id: UUID
    executor: str
    destination: str | None
    type: str
    action: str
    state: str
    due_at: datetime
    attempts: int
    error: str | None
    waits_for: list[UUID]
    history: list[Attempt]
