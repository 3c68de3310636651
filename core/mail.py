"""Writes mails as they go over the wire, complete and the same each time: ids, dates and boundaries are given or derived.

Source: RFC 5322; RFC 2046 (alternatives); RFC 8058 (one-click unsubscribing).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address, UniqueAddressHeader
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Final
from uuid import UUID

SUBJECT_MAX_LENGTH: Final = 500
_DOMAIN: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*", re.ASCII).fullmatch
_LOCAL: Final = re.compile(r"[!-?A-~]{1,64}", re.ASCII).fullmatch
_NOT_PLAIN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_UNFOLDED: Final = frozenset({"list-unsubscribe", "message-id"})


class MailError(ValueError):
    """A mail that cannot be written. Its text quotes no value."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Who writes or is written to."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says. `id` makes its Message-ID within `domain`; `at` is its Date."""

    id: UUID
    domain: str
    at: datetime
    sender: Mailbox
    to: tuple[Mailbox, ...]
    subject: str
    text: str
    html: str | None = None
    reply_to: Mailbox | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a written mail's headers say of its way. `sender` and `recipients` are bare addresses."""

    message_id: str
    sender: str
    recipients: tuple[str, ...]


class _Policy(EmailPolicy):
    """Folds no address and no id: a long word would be encoded, and be no address any more."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _UNFOLDED:
            return f"{name}: {value}\r\n".encode("ascii")
        return super().fold_binary(name, value)


_WRITING: Final = _Policy(linesep="\r\n", max_line_length=76, cte_type="7bit")


def write(mail: Mail) -> bytes:
    """Return the mail's bytes. Raises MailError for an address that none can have."""
    message = EmailMessage(policy=_WRITING)
    _head(message, mail)
    message.set_content(mail.text, cte="quoted-printable")
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
        message.set_boundary(f"=_{mail.id.hex}")
    return message.as_bytes()


def _head(message: EmailMessage, mail: Mail) -> None:
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.id}@{mail.domain}>"
    message["From"] = _address(mail.sender)
    message["To"] = tuple(_address(mailbox) for mailbox in mail.to)
    if mail.reply_to is not None:
        message["Reply-To"] = _address(mail.reply_to)
    message["Subject"] = one_line(mail.subject)[:SUBJECT_MAX_LENGTH]
    for name, value in mail.headers.items():
        message[name] = value


def _address(mailbox: Mailbox) -> Address:
    local, _, domain = mailbox.email.rpartition("@")
    try:
        host = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise MailError("has an address at no domain") from None
    if not _DOMAIN(host):
        raise MailError("has an address at no domain")
    if not _LOCAL(local):
        raise MailError("has an address that is not ASCII before its @, or is none")
    return Address(one_line(mailbox.name), local, host)


def one_line(text: str) -> str:
    """Return the text on one line, without what only controls."""
    return " ".join(_NOT_PLAIN.sub(" ", text).split())


def envelope(request: bytes) -> Envelope:
    """Return where a mail that `write` wrote goes."""
    headers = BytesParser(policy=SMTP).parsebytes(request, headersonly=True)
    (sender,) = _addresses(headers["From"])
    return Envelope(str(headers["Message-ID"]), sender, _addresses(headers["To"]))


def _addresses(header: UniqueAddressHeader) -> tuple[str, ...]:
    return tuple(address.addr_spec for address in header.addresses)
