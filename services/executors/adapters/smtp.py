"""Mails by SMTP, each on a connection of its own.

Until the server has said 354 nothing has left, and whatever happens can be tried again. From then on the mail may be accepted
whatever is heard of it, until its reply is there: what is cut off in between is uncertain. A server that refuses to talk at
all, to anybody, is down; one that refuses this sender, this recipient or this mail has answered.

Source: RFC 5321 §4.2 and §4.5.3.2.6 (a reply that is awaited too short a time makes duplicates).
"""

import asyncio
import re
from contextlib import suppress
from typing import Final
from uuid import UUID

from aiosmtplib import SMTP, SMTPException, SMTPResponse, SMTPResponseException

from core.mail import Envelope
from services.chassis.errors import PermanentError, RetryableError
from services.executors.ports import Answer, Outcome, UncertainError
from services.executors.settings import Mail

_GO_ON: Final = 354
_REFUSED: Final = 400
_FOR_GOOD: Final = 500
_REPLY_MAX_LENGTH: Final = 1_000
_QUIT_TIMEOUT_S: Final = 1.0
_DOTS: Final = re.compile(rb"^\.", re.MULTILINE)


class SmtpTransport:
    """See `mail.Transport`. Bounces go to the workspace's sender, whoever a mail is from."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    async def send(self, message: bytes, envelope: Envelope, command_id: UUID) -> Answer:  # noqa: ARG002 - the message has its own
        """Hand over a mail."""
        client = self._client()
        begun = False
        try:
            async with asyncio.timeout(self._mail.timeout_s):
                await self._connected(client)
                await self._addressed(client, envelope)
                begun = True
                reply = await _handed_over(client, message)
        except (SMTPException, OSError) as exc:  # TimeoutError is one
            raise _lost(exc, begun=begun) from None
        else:
            await _goodbye(client)
        finally:
            client.close()
        return Answer(Outcome("done"), str(reply.code), reply.message[:_REPLY_MAX_LENGTH], envelope.message_id)

    def _client(self) -> SMTP:
        mail = self._mail
        return SMTP(
            hostname=mail.host,
            port=mail.port,
            username=mail.user,
            password=mail.password.get_secret_value() if mail.password else None,
            local_hostname=mail.domain,
            timeout=mail.connect_timeout_s,
            use_tls=mail.tls == "implicit",
            start_tls=mail.tls == "starttls",
            cert_bundle=str(mail.ca_file) if mail.ca_file else None,
        )

    async def _connected(self, client: SMTP) -> None:
        try:
            await client.connect()
        except SMTPResponseException as exc:
            raise RetryableError(f"the mail server answered {exc.code} before any mail") from None

    async def _addressed(self, client: SMTP, envelope: Envelope) -> None:
        timeout = self._mail.timeout_s
        await client.ehlo()
        _check(
            await client.execute_command(b"MAIL", f"FROM:<{self._mail.sender_email}>".encode(), timeout=timeout), "MAIL"
        )
        for recipient in envelope.recipients:
            command = (b"RCPT", f"TO:<{recipient}>".encode())
            _check(await client.execute_command(*command, timeout=timeout), "RCPT")
        ready = await client.execute_command(b"DATA", timeout=timeout)
        if ready.code != _GO_ON:
            _check(ready, "DATA")
            raise RetryableError(f"the mail server answered {ready.code} to DATA")


async def _handed_over(client: SMTP, message: bytes) -> SMTPResponse:
    protocol = client.protocol
    if protocol is None:
        raise UncertainError("the connection to the mail server was lost")
    protocol.write(_DOTS.sub(b"..", message) + b".\r\n")
    reply = await protocol.read_response()
    _check(reply, "the mail")
    return reply


def _check(reply: SMTPResponse, to: str) -> None:
    """Raise what a refusal means: 4xx is for now, 5xx for good."""
    if reply.code >= _FOR_GOOD:
        raise PermanentError(f"the mail server answered {reply.code} to {to}")
    if reply.code >= _REFUSED:
        raise RetryableError(f"the mail server answered {reply.code} to {to}")


def _lost(exc: Exception, *, begun: bool) -> RetryableError:
    what = "did not answer in time" if isinstance(exc, TimeoutError) else "cannot be talked to"
    if begun:
        return UncertainError(f"the mail server {what} once it had the mail")
    return RetryableError(f"the mail server {what}: {type(exc).__name__}")


async def _goodbye(client: SMTP) -> None:
    """End the talk as is polite; the mail has left whatever comes of it."""
    with suppress(SMTPException, OSError):
        await client.execute_command(b"QUIT", timeout=_QUIT_TIMEOUT_S)
