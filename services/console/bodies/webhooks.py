"""Trying a webhook before an action uses it."""

from uuid import UUID

from pydantic import BaseModel

from schemas.commands.webhook import FireWebhookParams


class WebhookTest(FireWebhookParams):
    """A webhook's parameters, and the prospect to send it for; without one, a made-up prospect."""

    prospect_id: UUID | None = None


class WebhookTested(BaseModel):
    """What came of it. `status` is null where no answer came; `error` says why, or what the answer means for an action; `answer`
    is the head of the answer, `took_ms` counts from the request to its end."""

    ok: bool
    status: int | None
    error: str | None
    answer: str | None
    took_ms: int
    webhook_id: str
