"""Opens the transport that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.executors.adapters.mail import Transport
from services.executors.adapters.ses import ses_transport
from services.executors.adapters.smtp import SmtpTransport
from services.executors.settings import Mail


@asynccontextmanager
async def mail_transport(mail: Mail) -> AsyncIterator[Transport]:
    """Yield the transport, to be used by any number of attempts at a time."""
    match mail.transport:
        case "smtp":
            yield SmtpTransport(mail)
        case "ses":
            async with ses_transport(mail) as transport:
                yield transport
