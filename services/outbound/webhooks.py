"""One attempt at a webhook: the stored request, stamped and signed, sent, and what its answer means."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from core.webhooks import SecretError, retry_after_s, stamped
from services.chassis.errors import PermanentError, RetryableError
from services.outbound.calling import Caller, Reply
from services.outbound.settings import Webhook

_RESERVED: Final = ("FA_", "AWS_", "PG", "LD_", "PYTHON", "KAFKA_", "POSTGRES_", "SSL_", "REQUESTS_", "XDG_")
_RESERVED_NAMES: Final = frozenset({"DATABASE_URL", "HOME", "PATH", "USER", "SHELL", "HOSTNAME", "PWD", "LANG", "TERM"})
_RETRYABLE: Final = frozenset({408, 425, 429})
_GONE: Final = 410


class GoneAnswer(RetryableError):
    """The other side asks never to be called again."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An answer that says yes. `text` is its head, if it is text."""

    status: int
    text: str | None


def secret_of(reference: str | None, settings: Webhook) -> str | None:
    """Return the secret that `env:X` stands for. Raises PermanentError for one that may not be named or does not exist."""
    if reference is None:
        return None
    name = reference.removeprefix("env:")
    barred = name.startswith(_RESERVED) or name in _RESERVED_NAMES
    if barred if settings.secrets is None else name not in settings.secrets:
        raise PermanentError("its secret may not be referred to")
    if not (value := os.environ.get(name)):
        raise PermanentError("its secret is not set")
    return value


async def attempt(
    caller: Caller, settings: Webhook, command_id: str, stored: bytes, auth: Mapping[str, Any], now: datetime
) -> Reply:
    """Send a stored request once. Raises PermanentError or RetryableError where no answer came of it."""
    request = orjson.loads(stored)
    body: str | None = request["body"]
    try:
        added = stamped(command_id, body, now, auth, secret_of(auth.get("secret"), settings))
    except SecretError as exc:
        raise PermanentError(str(exc)) from None
    sent = None if body is None else body.encode()
    return await caller.call(request["method"], request["url"], {**request["headers"], **added}, sent)


def judged(reply: Reply, now: datetime) -> Accepted:
    """Return what a 2xx says; raise GoneAnswer, RetryableError or PermanentError for any other."""
    if 200 <= reply.status < 300:  # noqa: PLR2004 - the class of success
        return Accepted(reply.status, text_of(reply))
    if reply.status == _GONE:
        raise GoneAnswer(str(reply.status))
    if reply.status >= 500 or reply.status in _RETRYABLE:  # noqa: PLR2004 - the class of the server's errors
        raise RetryableError(str(reply.status), after=retry_after_s(reply.headers.get("retry-after"), now))
    raise PermanentError(str(reply.status))


def text_of(reply: Reply) -> str | None:
    """Return the head of an answer, if it is text."""
    if not reply.body or "content-encoding" in reply.headers:
        return None
    text = reply.body.decode("utf-8", "replace").replace("\x00", "")
    return text if text.count("\ufffd") <= len(text) // 10 else None
