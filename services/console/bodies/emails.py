"""List e-mails rendered for a prospect by request, and sent to a list."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from schemas.commands.email import Sender
from schemas.contract import Id, Input

MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class RenderRequest(Input):
    """For whom, and under which id of the sender's own: its interactions tell it as `event.message_id`. Absent: one is made. The
    mail goes to `list`, which then is what is unsubscribed from; absent: all mail."""

    prospect_id: UUID
    message_id: MessageId | None = None
    class_: Literal["marketing", "transactional"] = Field(default="marketing", alias="class")
    list: Id | None = None


class RenderedMail(BaseModel):
    """What to send: both parts tracked. `headers` belong into the mail: its Message-ID tells a feed whose mail it was, and a mail
    program unsubscribes by the others."""

    message_id: str
    to: str
    subject: str
    html: str | None
    text: str
    headers: dict[str, str]


class NewSend(Input):
    """Send to every subscribed member of a list, each as `send_email` would: consent, cap and quiet hours hold."""

    list: Id
    class_: Literal["marketing", "transactional"] = Field(default="marketing", alias="class")
    from_: Sender | Literal["owner"] | None = Field(default=None, alias="from")
    reply_to: Sender | Literal["owner"] | None = None


class Send(BaseModel):
    """How a send stands: how many mails are queued, whether these are all, and how they ended so far."""

    id: UUID
    asset_id: str
    list: str
    created_at: datetime
    queued: int
    queued_at: datetime | None
    """When the last one was queued; null: there may be more."""
    states: dict[str, int]
    """Mails by state: `waiting`, `retrying`, `deferred`, then `done`, `suppressed`, `dead` or `uncertain`; those that are queued
    and in no state are on their way."""
