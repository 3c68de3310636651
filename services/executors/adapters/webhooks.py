"""Webhooks, as the dispatcher carries them out."""

from dataclasses import dataclass
from datetime import datetime

from core.templates import TemplateError
from core.webhooks import document, pushed
from schemas.commands.command import Command
from schemas.commands.push import PUSH_TO_CRM
from services.chassis.clock import Clock
from services.chassis.errors import PermanentError
from services.executors.ports import Answer, GoneError, Later, Outcome, Prepared, Situation
from services.outbound.calling import Caller
from services.outbound.settings import Webhook
from services.outbound.webhooks import GoneAnswer, attempt, judged


@dataclass(frozen=True, slots=True)
class Webhooks:
    """See `ports.Remote`."""

    caller: Caller
    settings: Webhook
    clock: Clock

    @property
    def timeout_s(self) -> float:
        """The bound of an attempt: a little more than the call's own."""
        return self.settings.total_timeout_s + 1.0

    def refuse(self, _command: Command, _situation: Situation, _now: datetime) -> Outcome | Later | None:
        """Let every attempt be made."""
        return None

    def prepare(self, command: Command, situation: Situation) -> Prepared:
        """Render the request."""
        if command.type == PUSH_TO_CRM:
            return Prepared(pushed(command, situation.prospect))
        try:
            return Prepared(document(command, situation.prospect, situation.scopes))
        except TemplateError as exc:
            raise PermanentError(str(exc)) from None

    def repeatable(self, _command: Command) -> bool:
        """Let any attempt be repeated: the receiver knows the id."""
        return True

    async def perform(self, command: Command, request: bytes, _attempt: int) -> Answer:
        """Make one attempt."""
        auth = command.params.get("auth") or {}
        now = self.clock.now()
        reply = await attempt(self.caller, self.settings, str(command.id), request, auth, now)
        try:
            accepted = judged(reply, now)
        except GoneAnswer as exc:
            raise GoneError(exc.reason) from None
        return Answer(Outcome("done"), str(accepted.status), accepted.text)
