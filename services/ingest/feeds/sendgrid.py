"""SendGrid's event webhook, signed with a key of the account's: ECDSA over P-256, of the time and the body.

Source: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event and
.../getting-started-event-webhook-security-features
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

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

_SIGNATURE: Final = "X-Twilio-Email-Event-Webhook-Signature"
_TIMESTAMP: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
_KINDS: Final[Mapping[str, Kind]] = {
    "bounce": "bounced",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
}


def public_key(text: str) -> ec.EllipticCurvePublicKey:
    """Read a key as SendGrid shows it: base64 of DER. Raises ValueError."""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("is not a public key as SendGrid shows it") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("is not a public key as SendGrid shows it")  # noqa: TRY004 - a setting's value
    return key


class SendGrid:
    """See `told.Feed`."""

    def __init__(self, key: ec.EllipticCurvePublicKey, stale_after: timedelta) -> None:
        self._key, self._stale_after = key, stale_after

    async def read(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> list[Told]:
        """Return what a message tells."""
        timestamp = headers.get(_TIMESTAMP, "")
        try:
            signature = base64.b64decode(headers.get(_SIGNATURE, ""), validate=True)
            self._key.verify(signature, timestamp.encode() + raw, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, binascii.Error, UnicodeEncodeError):
            raise ForeignError("the signature does not fit") from None
        if not timestamp.isdigit() or now - instant(int(timestamp)) > self._stale_after:
            raise StaleError
        try:
            events = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise UnreadableError("the body is no JSON") from None
        if not isinstance(events, list):
            raise UnreadableError("the body is no array")
        return list(_told(events))


def _told(events: list[Any]) -> Iterator[Told]:
    for event in events:
        kind = _KINDS.get(text_at(event, "event") or "")
        if kind is None:
            continue
        named = text_at(event, "finish_message_id")
        yield Told(
            id=required(event, "sg_event_id"),
            kind=kind,
            address=required(event, "email"),
            at=instant(event.get("timestamp")),
            mails=(*((named,) if named else ()), *own_id(text_at(event, "smtp-id"))),
            reference=text_at(event, "sg_message_id"),
            hard=event.get("type") != "blocked",
            detail=details(type=event.get("type"), status=event.get("status"), reason=event.get("reason")),
        )
