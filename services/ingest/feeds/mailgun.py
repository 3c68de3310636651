"""Mailgun's webhooks, signed with the account's key: HMAC of the time and a token.

Source: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks and .../events/event-structure
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from services.ingest.feeds.told import (
    ForeignError,
    Kind,
    StaleError,
    Told,
    UnreadableError,
    details,
    instant,
    own_id,
    required,
    text_at,
)

_KINDS: Final[Mapping[str, Kind]] = {"failed": "bounced", "complained": "complained", "unsubscribed": "unsubscribed"}


class Mailgun:
    """See `told.Feed`."""

    def __init__(self, key: str, stale_after: timedelta) -> None:
        self._key, self._stale_after = key.encode(), stale_after

    async def read(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> list[Told]:  # noqa: ARG002 - the port's
        """Return what a message tells."""
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise UnreadableError("the body is no JSON") from None
        timestamp, token = text_at(document, "signature", "timestamp"), text_at(document, "signature", "token")
        signature = text_at(document, "signature", "signature")
        if timestamp is None or token is None or signature is None:
            raise ForeignError("the signature is missing")
        wanted = hmac.new(self._key, f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), signature.encode()):
            raise ForeignError("the signature does not fit")
        if not (timestamp.isascii() and timestamp.isdigit()) or now - instant(int(timestamp)) > self._stale_after:
            raise StaleError
        return _told(document.get("event-data"))


def _told(event: Any) -> list[Told]:
    kind = _KINDS.get(text_at(event, "event") or "")
    if kind is None:
        return []
    status = event.get("delivery-status")
    status = status if isinstance(status, dict) else {}
    message_id = text_at(event, "message", "headers", "message-id")
    named = text_at(event, "user-variables", "finish_message_id")
    return [
        Told(
            id=required(event, "id"),
            kind=kind,
            address=required(event, "recipient"),
            at=instant(event.get("timestamp")),
            mails=(*((named,) if named else ()), *own_id(message_id)),
            hard=event.get("severity") == "permanent" if kind == "bounced" else True,
            detail=details(
                type=event.get("severity"),
                status=status.get("code"),
                reason=status.get("description") or event.get("reason"),
            ),
        )
    ]
