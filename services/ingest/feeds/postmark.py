"""Postmark's webhooks, which are not signed: they come with the user and password of the address that Postmark was given.

Source: https://postmarkapp.com/developer/webhooks/webhooks-overview, bounce, spam-complaint and subscription-change webhooks
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from services.ingest.feeds.told import (
    ForeignError,
    Kind,
    Told,
    UnreadableError,
    details,
    iso_instant,
    required,
    text_at,
)

_HARD: Final = frozenset({"HardBounce", "BadEmailAddress", "ManuallyDeactivated"})
_REASONS: Final[Mapping[str, Kind]] = {
    "HardBounce": "bounced",
    "SpamComplaint": "complained",
    "ManualSuppression": "unsubscribed",
}


class Postmark:
    """See `told.Feed`."""

    def __init__(self, user: str, password: str) -> None:
        self._wanted = f"{user}:{password}".encode()

    async def read(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> list[Told]:  # noqa: ARG002 - the port's
        """Return what a message tells."""
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        try:
            presented = base64.b64decode(given, validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            presented = b""
        if not hmac.compare_digest(presented, self._wanted):
            raise ForeignError("user and password do not fit")
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise UnreadableError("the body is no JSON") from None
        return _told(document)


def _told(event: Any) -> list[Told]:
    named = text_at(event, "Metadata", "finish_message_id")
    mails, reference = (named,) if named else (), text_at(event, "MessageID")
    match text_at(event, "RecordType"):
        case "Bounce":
            type_ = required(event, "Type")
            return [
                Told(
                    id=_id(event), kind="bounced", address=required(event, "Email"),
                    at=iso_instant(event.get("BouncedAt")), mails=mails, reference=reference, hard=type_ in _HARD,
                    detail=details(type=type_, reason=event.get("Description")),
                )
            ]  # fmt: skip
        case "SpamComplaint":
            return [
                Told(
                    id=_id(event), kind="complained", address=required(event, "Email"),
                    at=iso_instant(event.get("BouncedAt")), mails=mails, reference=reference,
                )
            ]  # fmt: skip
        case "SubscriptionChange" if event.get("SuppressSending") is True:
            reason = text_at(event, "SuppressionReason") or ""
            at = iso_instant(event.get("ChangedAt"))
            return [
                Told(
                    id=f"{reference}/{reason}/{at.isoformat()}", kind=_REASONS.get(reason, "unsubscribed"),
                    address=required(event, "Recipient"), at=at, mails=mails, reference=reference,
                    detail=details(type=reason),
                )
            ]  # fmt: skip
        case _:
            return []


def _id(event: Any) -> str:
    id_ = event.get("ID")
    if isinstance(id_, bool) or not isinstance(id_, int):
        raise UnreadableError("ID is missing")
    return str(id_)
