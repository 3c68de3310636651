"""Where the tasks and leads that actions make are pushed to."""

from datetime import datetime

from pydantic import Field

from schemas.commands.push import PushedKind
from schemas.commands.webhook import WebhookEndpoint


class NewCrmPush(WebhookEndpoint):
    """The CRM's endpoint, and which records it is told of."""

    records: list[PushedKind] = Field(default=["task", "lead"], min_length=1, max_length=2)


class CrmPush(NewCrmPush):
    """What is pushed where."""

    updated_at: datetime
