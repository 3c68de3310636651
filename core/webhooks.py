"""A webhook's request: what is rendered once and stored, and what is added at each attempt.

The stored document holds all that stays the same: method, URL, headers and body. The time of an attempt and what depends on it,
the signature, are added to it then; secrets never stand in it.

Source: https://www.standardwebhooks.com (Standard Webhooks 1.0.0), signed by its own library.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson
from standardwebhooks.webhooks import Webhook

from core.envelope import envelope, pushed_envelope
from core.templates import render
from schemas.commands.command import Command

_BODILESS: Final = frozenset({"GET", "DELETE"})
_JSON: Final = "application/json"


class SecretError(ValueError):
    """A secret that cannot be used; its text quotes nothing."""


def document(command: Command, prospect: Mapping[str, Any], scope: Mapping[str, Any]) -> bytes:
    """Return the request to store. Raises TemplateError."""
    params = command.params
    method, body = params.get("method", "POST"), params.get("body")
    text: str | None
    if body is not None:
        text = render(body, scope)
    elif method in _BODILESS:
        text = None
    else:
        text = orjson.dumps(envelope(command, prospect)).decode()
    headers = dict(params.get("headers") or {})
    if text is not None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = _JSON if body is None or _is_json(text) else "text/plain; charset=utf-8"
    return orjson.dumps({"method": method, "url": params["url"], "headers": headers, "body": text})


def pushed(command: Command, prospect: Mapping[str, Any]) -> bytes:
    """Return the request to store of a push to the CRM."""
    params = command.params
    headers = {"Content-Type": _JSON, **(params.get("headers") or {})}
    text = orjson.dumps(pushed_envelope(command, prospect)).decode()
    return orjson.dumps({"method": "POST", "url": params["url"], "headers": headers, "body": text})


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def stamped(
    command_id: str, body: str | None, at: datetime, auth: Mapping[str, Any], secret: str | None
) -> dict[str, str]:
    """Return the headers of one attempt: id, time, and what the authentication asks for. Raises SecretError.

    `secret` holds one secret or, while it is changed, two with a blank or comma between: the newer first. Only signatures use
    both.
    """
    headers = {"webhook-id": command_id, "webhook-timestamp": str(int(at.timestamp()))}
    kind = auth.get("type", "none")
    if kind == "none":
        return headers
    secrets = (secret or "").replace(",", " ").split()
    if not secrets:
        raise SecretError("its secret is empty")
    if kind == "hmac":
        naive = at.astimezone(UTC)
        signed = [Webhook(_key(each)).sign(command_id, naive, body or "") for each in secrets[:2]]
        headers["webhook-signature"] = " ".join(signed)
    elif kind == "bearer":
        headers["Authorization"] = f"Bearer {_plain(secrets[0])}"
    else:
        pair = f"{auth.get('user') or ''}:{secrets[0]}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return headers


def _key(secret: str) -> bytes:
    """Return a signing key: `whsec_` and base64 as Standard Webhooks writes it, or any other text as it is."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_") + "==", validate=False)
    except (binascii.Error, ValueError):
        raise SecretError("its secret is no base64") from None


def _plain(secret: str) -> str:
    if not secret.isascii() or not secret.isprintable():
        raise SecretError("its secret has letters that a header cannot hold")
    return secret


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, None where it asks for none. Source: RFC 9110, 10.2.3."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max((at - now).total_seconds(), 0.0)
