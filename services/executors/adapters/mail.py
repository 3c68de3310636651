"""Mails to prospects and to users, as remote executors carry them out: composed once, handed to a transport each time.

`Transport.send` says what is known: an answer, or that the mail has certainly not left, or that it may have.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from core.mail import Envelope, Mailbox, MailError, envelope, write
from core.mail import Mail as Message
from core.tokens import TokenKey
from schemas.commands.command import Command
from schemas.commands.confirmation import CONFIRM_ADDRESS
from schemas.commands.notify import MAIL_DIGEST
from services.chassis.errors import PermanentError
from services.executors.actions import confirm_address, notify_user, send_email
from services.executors.core.restraint import Restraint
from services.executors.ports import Answer, Later, Outcome, Prepared, Situation
from services.executors.settings import Mail

_GRACE_S: Final = 5.0
_ONE_CLICK: Final = "List-Unsubscribe=One-Click"
_SUBJECT: Final = "Notice"
_AUTOMATIC: Final = {"Auto-Submitted": "auto-generated"}


class Transport(Protocol):
    """How mails leave."""

    async def send(self, message: bytes, envelope: Envelope, command_id: UUID) -> Answer:
        """Hand over a mail. Raises RetryableError and PermanentError where it has not left, UncertainError where it may have."""
        ...


class ProspectMail:
    """`send_email` and `confirm_address`: see `ports.Remote`. Raises ValueError without keys of tokens, for then its links would lead nowhere."""

    def __init__(self, transport: Transport, mail: Mail, keys: Sequence[TokenKey]) -> None:
        if not keys:
            raise ValueError("mails have tracked links: FA_TOKENS__KEYS is not set")
        self._transport, self._mail, self._keys = transport, mail, tuple(keys)
        self._restraint = Restraint(mail.cap, mail.cap_window_s, mail.quiet_from, mail.quiet_until, mail.quiet_zone)
        self.timeout_s = mail.timeout_s + _GRACE_S

    def refuse(self, command: Command, situation: Situation, now: datetime) -> Outcome | Later | None:
        """Say whether it must not be sent, or not yet."""
        if command.type == CONFIRM_ADDRESS:
            return confirm_address.refuse(situation)
        return send_email.refuse(command.params, situation, now, self._restraint)

    def prepare(self, command: Command, situation: Situation) -> Prepared:
        """Render and write the mail; keep where its links lead."""
        if command.type == CONFIRM_ADDRESS:
            return self._asking(command, situation)
        composed = send_email.compose(command, situation, self._mail.public_url, self._keys)
        message = Message(
            id=command.id,
            domain=self._mail.domain,
            at=_date(command),
            sender=self._sender(command, situation),
            to=(Mailbox(situation.prospect["email"]),),
            subject=composed.subject,
            text=composed.text,
            html=composed.html,
            reply_to=_chosen("reply_to", command.params, situation),
            headers=_unsubscribing(composed.unsubscribe_url) if send_email.is_marketing(command.params) else {},
        )
        asset_id = command.params["template"]
        links = [{"id": id_, "asset_id": asset_id, "url": url} for id_, url in composed.links.items()]
        return Prepared(_written(message), {"asset_id": asset_id, "links": links})

    def _asking(self, command: Command, situation: Situation) -> Prepared:
        composed = confirm_address.compose(command, situation, self._mail.public_url, self._keys)
        message = Message(
            id=command.id,
            domain=self._mail.domain,
            at=_date(command),
            sender=Mailbox(self._mail.sender_email, self._mail.sender_name),
            to=(Mailbox(situation.prospect["email"]),),
            subject=composed.subject,
            text=composed.text,
            html=composed.html,
            headers=_AUTOMATIC,
        )
        return Prepared(_written(message))

    def _sender(self, command: Command, situation: Situation) -> Mailbox:
        return _chosen("from", command.params, situation) or Mailbox(self._mail.sender_email, self._mail.sender_name)

    def repeatable(self, command: Command) -> bool:
        """Say whether the action would rather have it twice than not at all."""
        return bool(command.params.get("on_uncertain") == "resend")

    async def perform(self, command: Command, request: bytes, attempt: int) -> Answer:  # noqa: ARG002 - every attempt is the same
        """Send it."""
        return await self._transport.send(request, envelope(request), command.id)


class UserMail:
    """`notify_user` by e-mail: see `ports.Remote`. It is no mail to prospects: no consent, no tracking."""

    def __init__(self, transport: Transport, mail: Mail) -> None:
        self._transport, self._mail = transport, mail
        self.timeout_s = mail.timeout_s + _GRACE_S

    def refuse(self, command: Command, situation: Situation, now: datetime) -> Outcome | None:  # noqa: ARG002 - the port's
        """Say whether there is nobody to tell."""
        return None if situation.details["recipients"] else Outcome("suppressed", "no_recipient")

    def prepare(self, command: Command, situation: Situation) -> Prepared:
        """Render and write the mail."""
        digest = command.type == MAIL_DIGEST
        notice = _digest(command, situation) if digest else notify_user.prepare(command.params, situation)
        message = Message(
            id=command.id,
            domain=self._mail.domain,
            at=_date(command),
            sender=Mailbox(self._mail.sender_email, self._mail.sender_name),
            to=tuple(Mailbox(user["email"], user["name"]) for user in situation.details["recipients"]),
            subject=notice["subject"] or _SUBJECT,
            text=notice["text"],
            headers=_AUTOMATIC,
        )
        return Prepared(_written(message), {} if digest else None)

    def repeatable(self, command: Command) -> bool:  # noqa: ARG002 - the port's
        """Say that nobody is told twice."""
        return False

    async def perform(self, command: Command, request: bytes, attempt: int) -> Answer:  # noqa: ARG002 - every attempt is the same
        """Send it."""
        return await self._transport.send(request, envelope(request), command.id)


def _digest(command: Command, situation: Situation) -> dict[str, str]:
    gathered = situation.details["gathered"]
    if gathered is None:
        raise PermanentError("what it had gathered was told by a later mail")
    subject, others = command.params["subject"] or _SUBJECT, gathered["count"] - 1
    return {"subject": f"{subject} (and {others} more)" if others else subject, "text": gathered["text"]}


def _date(command: Command) -> datetime:
    """Return when the mail was meant to be sent."""
    return max(command.recordedtime, command.not_before or command.recordedtime)


def _chosen(name: str, params: Mapping[str, Any], situation: Situation) -> Mailbox | None:
    """Return who the action names, else the template; nobody for an owner that there is not, or who is disabled."""
    chosen = params.get(name) or situation.details["template"][name]
    if chosen == "owner":
        chosen = situation.details["owner"]
    return None if chosen is None else Mailbox(chosen["email"], chosen.get("name", ""))


def _unsubscribing(url: str) -> dict[str, str]:
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": _ONE_CLICK}


def _written(message: Message) -> bytes:
    try:
        return write(message)
    except MailError as exc:
        raise PermanentError(f"the mail {exc}") from None
