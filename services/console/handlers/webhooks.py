"""POST /api/webhooks/test: one real attempt, through the very client that the executor uses."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from core.egress import EgressError, checked
from core.templates import TemplateError, check_template, scopes
from core.webhooks import document
from schemas.commands.command import Command
from services.chassis.errors import PermanentError, RetryableError
from services.chassis.json_body import invalid
from services.chassis.problems import FieldError, Problem
from services.console.bodies.webhooks import WebhookTest, WebhookTested
from services.console.catalogue import read_catalogue
from services.console.handlers.dry_runs import SQL as DRY_RUNS
from services.console.refusals import not_found, refuse
from services.console.route import Call
from services.console.transactions import Database
from services.outbound.calling import Caller, Reply
from services.outbound.settings import Webhook
from services.outbound.webhooks import attempt, judged, text_of

_NOBODY: Final[dict[str, Any]] = {
    "id": "00000000-0000-0000-0000-000000000000",
    "email": "test@example.com",
    "score": 0,
    "owner": None,
    "tags": [],
    "lists": {},
    "consent": "none",
    "lead_id": None,
    "fields": {},
}


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The calls under /api/webhooks."""

    database: Database
    caller: Caller | None
    settings: Webhook

    async def test(self, call: Call[WebhookTest, None]) -> WebhookTested:
        """Send a webhook once. Refused as a save would refuse it."""
        if self.caller is None:
            raise Problem(503, "not-available", "Webhooks cannot be tried here")
        body, now = call.body, self.database.clock.now()
        params = body.model_dump(mode="json", exclude={"prospect_id"})
        prospect = await self._prospect(body)
        command = Command(
            id=uuid4(),
            uid=uuid4(),
            action_id="test",
            action_name="Test",
            asset_id="test",
            version=0,
            prospect_id=prospect["id"],
            type="fire_webhook",
            params=params,
            order=0,
            recordedtime=now,
            interaction={"uid": str(uuid4()), "type": "test", "subject": "test", "time": now.isoformat(), "data": {}},
        )
        try:
            request = document(command, prospect, scopes(prospect, None, command.interaction or {}))
        except TemplateError as exc:
            raise invalid([FieldError("/body", str(exc))]) from None
        began_s = asyncio.get_running_loop().time()
        status, answer, error = None, None, None
        try:
            reply = await attempt(self.caller, self.settings, str(command.id), request, params["auth"], now)
            status, answer = reply.status, text_of(reply)
            error = self._meaning(reply)
        except (RetryableError, PermanentError) as exc:
            error = exc.reason
        took_ms = round(1000 * (asyncio.get_running_loop().time() - began_s))
        return WebhookTested(
            ok=error is None, status=status, error=error, answer=answer, took_ms=took_ms, webhook_id=str(command.id)
        )

    def _meaning(self, reply: Reply) -> str | None:
        try:
            judged(reply, self.database.clock.now())
        except RetryableError:
            return "an action would try again later"
        except PermanentError:
            return "an action would give up"
        return None

    async def _prospect(self, body: WebhookTest) -> dict[str, Any]:
        async with self.database.transaction() as tx:
            wrong = [FieldError("/body", error) for error in check_template(body.body or "", await read_catalogue(tx))]
            try:
                checked(body.url, frozenset(self.settings.allow))
            except EgressError as exc:
                wrong.append(FieldError("/url", str(exc)))
            refuse(wrong)
            if body.prospect_id is None:
                return _NOBODY
            row = await tx.fetchrow(DRY_RUNS["record"], body.prospect_id)
        if row is None:
            raise not_found("prospect")
        values: dict[str, Any] = row["snapshot"]
        return {**values, "id": str(body.prospect_id)}
