"""Functions, as the dispatcher calls them: AWS Lambda's, or local ones for development and self-hosting."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import orjson

from schemas.commands.command import Command
from services.chassis.errors import PermanentError
from services.executors.actions.execute_lambda import mapped, payload
from services.executors.adapters.aws_lambda import aws_lambda
from services.executors.adapters.local_lambda import LocalLambda
from services.executors.ports import Answer, Later, Outcome, Prepared, Situation
from services.executors.settings import Lambda

_GRACE_S: Final = 5.0
_EXCERPT_MAX: Final = 4096


class Provider(Protocol):
    """Where functions run."""

    async def invoke(
        self, params: Mapping[str, Any], command_id: str, payload: bytes
    ) -> tuple[bytes | None, str, str | None]:
        """Call a function once: its answer, or None of an asynchronous call; the status; the provider's id of the call.
        Raises RetryableError or PermanentError."""
        ...


@dataclass(frozen=True, slots=True)
class Lambdas:
    """See `ports.Remote`."""

    settings: Lambda
    aws: Provider
    local: Provider | None

    @property
    def timeout_s(self) -> float:
        """The bound of an attempt: a little more than the call's own."""
        return self.settings.timeout_s + _GRACE_S

    def refuse(self, _command: Command, _situation: Situation, _now: datetime) -> Outcome | Later | None:
        """Let every attempt be made."""
        return None

    def prepare(self, command: Command, situation: Situation) -> Prepared:
        """Render the payload."""
        return Prepared(payload(command, situation))

    def repeatable(self, _command: Command) -> bool:
        """Let any attempt be repeated: the function is told the command's id."""
        return True

    async def perform(self, command: Command, request: bytes, _attempt: int) -> Answer:
        """Make one attempt."""
        params = command.params
        provider = self.local if params.get("provider") == "local" else self.aws
        if provider is None:
            raise PermanentError("local functions are not enabled here")
        body, status, reference = await provider.invoke(params, str(command.id), request)
        response_map = params.get("response_map") or {}
        writes = mapped(_json(body), response_map) if body is not None and response_map else {}
        return Answer(Outcome("done"), status, _excerpt(body), reference, writes)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _excerpt(body: bytes | None) -> str | None:
    return body[:_EXCERPT_MAX].decode("utf-8", "replace").replace("\x00", "") if body else None


@asynccontextmanager
async def lambdas(settings: Lambda) -> AsyncIterator[Lambdas]:
    """Open the providers."""
    async with aws_lambda(settings) as aws:
        yield Lambdas(settings, aws, LocalLambda(settings) if settings.local_enabled else None)
