"""Amazon SES, through SNS: bounces and complaints, as identities notify of them and as configuration sets publish them.

Source: https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and .../event-publishing-retrieving-sns-contents.html
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from services.ingest.feeds.sns import Sns
from services.ingest.feeds.told import (
    Confirmation,
    Told,
    UnreadableError,
    details,
    iso_instant,
    own_id,
    required,
    text_at,
)

_TAG: Final = "command_id"


class Ses:
    """See `told.Feed`."""

    def __init__(self, sns: Sns) -> None:
        self._sns = sns

    async def read(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> list[Told] | Confirmation:  # noqa: ARG002
        """Return what a message tells."""
        proven = await self._sns.proven(raw, now)
        if proven is None or isinstance(proven, Confirmation):
            return proven or []
        try:
            event = orjson.loads(required(proven, "Message"))
        except orjson.JSONDecodeError:
            return []  # SES says in plain words that it may publish to the topic
        return list(_told(event, required(proven, "MessageId"))) if isinstance(event, dict) else []


def _told(event: dict[str, Any], id_: str) -> Iterator[Told]:
    kind = text_at(event, "eventType") or text_at(event, "notificationType")
    if kind == "Bounce":
        bounce = event.get("bounce")
        type_ = required(bounce, "bounceType")
        for number, (address, entry) in enumerate(_recipients(bounce, "bouncedRecipients")):
            yield Told(
                id=f"{id_}/{number}",
                kind="bounced",
                address=address,
                at=iso_instant(required(bounce, "timestamp")),
                mails=_mails(event),
                reference=text_at(event, "mail", "messageId"),
                hard=type_ == "Permanent",
                detail=details(
                    type=type_, subtype=text_at(bounce, "bounceSubType"), status=entry.get("status"),
                    reason=entry.get("diagnosticCode"),
                ),
            )  # fmt: skip
    elif kind == "Complaint":
        complaint = event.get("complaint")
        for number, (address, _) in enumerate(_recipients(complaint, "complainedRecipients")):
            yield Told(
                id=f"{id_}/{number}",
                kind="complained",
                address=address,
                at=iso_instant(required(complaint, "timestamp")),
                mails=_mails(event),
                reference=text_at(event, "mail", "messageId"),
                detail=details(type=text_at(complaint, "complaintFeedbackType")),
            )


def _recipients(part: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    entries = part.get(name) if isinstance(part, dict) else None
    if not isinstance(entries, list):
        raise UnreadableError(f"{name} is missing")
    for entry in entries:
        yield required(entry, "emailAddress"), entry


def _mails(event: dict[str, Any]) -> tuple[str, ...]:
    """Return what we may have named the mail: the tag that our own sending sets, and its Message-ID."""
    mail = event.get("mail")
    tags = mail.get("tags") if isinstance(mail, dict) else None
    tagged = tags.get(_TAG) if isinstance(tags, dict) else None
    ids = [each for each in tagged if isinstance(each, str)] if isinstance(tagged, list) else []
    return (*ids, *own_id(text_at(event, "mail", "commonHeaders", "messageId")))
